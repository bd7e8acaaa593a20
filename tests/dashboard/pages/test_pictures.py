"""What the browser is told beside a figure."""

from __future__ import annotations

from dashboard.figures import gradient_flow, loss_landscape
from dashboard.pages.pictures import marked, section
from tests.dashboard.around import make_landscape
from tests.dashboard.samples import make_flow


def test_a_figure_names_its_run_its_picture_and_its_ranges() -> None:
    meta = marked(gradient_flow.draw(make_flow()), "group/run", "key plane")["layout"]["meta"]
    assert (meta["run"], meta["picture"]) == ("group/run", "key plane")
    assert set(meta["ranges"]) >= {"xaxis", "yaxis"}


def test_what_a_figure_says_of_narrow_pages_is_kept() -> None:
    meta = marked(loss_landscape.draw(make_landscape()), "run")["layout"]["meta"]
    assert meta["narrow"]["xaxis"]["domain"] == [0, 1]


def test_a_section_is_found_by_the_panels_name() -> None:
    built = section(gradient_flow.PANEL, hidden=True)
    assert (built.id, built.hidden) == ("gradient_flow", True)  # type: ignore[attr-defined]
