"""A notebook's outputs on a page of their own, as a converted notebook has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from dashboard.canvas import Canvas
from dashboard.theme import DARK, LIGHT
from diagnostics.doctor import Examination
from tests.dashboard.samples import HOSTILE, make_finding, make_flow

pytestmark = pytest.mark.browser
Open = Callable[..., Page]

DRAWN = "() => document.querySelectorAll('.main-svg').length > 0"
FIRST = "document.querySelector('.js-plotly-plot')"
INK = {"light": "background:#fff;color:#111", "dark": "background:#111;color:#eee"}


def page_of(folder: Path, scheme: str, *outputs: str) -> str:
    path = folder / "notebook.html"
    body = "".join(f'<div class="output">{each}</div>' for each in outputs)
    head = '<meta charset="utf-8"><link rel="icon" href="data:,">'
    path.write_text(f'{head}<body style="{INK[scheme]}">{body}', encoding="utf-8")
    return path.as_uri()


SOLID = {"type": "scatter3d", "x": [0, 1], "y": [0, 1], "z": [0, 1]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_results_and_figures_draw_in_the_pages_colours(
    visit: Open, tmp_path: Path, scheme: str
) -> None:
    flow = make_flow()._repr_html_()
    copied = flow  # with its cell
    page = visit(page_of(tmp_path, scheme, flow, copied))
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length === 2")
    page.wait_for_function(DRAWN)
    ink = page.evaluate(f"{FIRST}.layout.template.layout.font.color")
    assert ink == (LIGHT if scheme == "light" else DARK).ink
    assert page.evaluate(f"{FIRST}.layout.paper_bgcolor") == "rgba(0,0,0,0)"
    assert page.evaluate("typeof window.Plotly") == "undefined"


def test_a_solid_picture_brings_its_own_library(visit: Open, tmp_path: Path) -> None:
    page = visit(page_of(tmp_path, "light", Canvas(data=[SOLID])._repr_html_()))
    page.wait_for_function(DRAWN)
    assert page.evaluate("Object.keys(window.fathomLibraries)") == ["whole"]


def test_a_plotly_that_is_there_already_stays_what_it_is(visit: Open, tmp_path: Path) -> None:
    theirs = "<script>window.Plotly = {version: 'theirs'}</script>"
    page = visit(page_of(tmp_path, "light", theirs, make_flow()._repr_html_()))
    page.wait_for_function(DRAWN)
    assert page.evaluate("window.Plotly.version") == "theirs"


def test_names_are_inert_and_verdicts_fit_a_phone(visit: Open, tmp_path: Path) -> None:
    finding = make_finding(layers=(HOSTILE,), symptom=HOSTILE)
    told = Examination(HOSTILE, (finding, make_finding(severity="warning")), (), ("plateau",))
    shown = (told, finding, make_flow(layers=(HOSTILE,) * 6))
    page = visit(page_of(tmp_path, "light", *(each._repr_html_() for each in shown)))
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(DRAWN)
    assert page.title() != "1"
    assert page.locator("img").count() == 0
    page.wait_for_function("() => document.documentElement.scrollWidth <= 390")
