"""The player of a figure's steps, in the app and in a file, by keys alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard import report
from diagnostics.run import Run
from diagnostics.store import save
from tests.browser.conftest import Open, Serve
from tests.dashboard.figures.test_learned_function import make_learned
from tests.dashboard.samples import train

pytestmark = pytest.mark.browser

STEPS = [*range(1, 7)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has a function to play, and other pictures that have none."""
    run = Run(train(tmp_path_factory.mktemp("played") / "line", steps=3))
    save(run.path, make_learned(STEPS))
    return run


def zoomed(page: Page, plot: Locator) -> list[float]:
    """Drag over the middle of the function; what is left of its axes."""
    pane = plot.locator(".nsewdrag").first
    pane.scroll_into_view_if_needed()
    box = pane.bounding_box()
    assert box
    for share, act in ((0.3, page.mouse.down), (0.7, page.mouse.up)):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"], steps=4)
        act()
    page.wait_for_timeout(100)
    return ranges(plot)


def ranges(plot: Locator) -> list[float]:
    found: list[float] = plot.evaluate(
        "graph => [...graph.layout.xaxis.range, ...graph.layout.yaxis.range]"
    )
    return found


def shown(plot: Locator) -> tuple[int, str, list[float]]:
    """The stop that the slider is at, what is written above it, and the function drawn."""
    active, values = plot.evaluate(
        "graph => [graph.layout.sliders[0].active, Array.from(graph.data[0].y)]"
    )
    return active, plot.locator(".slider-label").first.text_content() or "", values


def plays(page: Page, plot: Locator) -> None:
    """From the start once it is at the end; what was zoomed into stays; a key halts it."""
    plot.locator(".slider-group").scroll_into_view_if_needed()
    expect(plot.locator("button.player")).to_have_count(1)
    before = zoomed(page, plot)
    assert 0.2 < before[0] < before[1] < 0.8
    play = plot.get_by_role("button", name="Play the steps")
    play.focus()
    assert shown(plot)[0] == len(STEPS) - 1
    page.keyboard.press("Enter")
    plot.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function(
        "graph => graph.layout.sliders[0].active === 2", arg=plot.element_handle(), polling=20
    )
    page.keyboard.press("Space")
    play.wait_for()
    active, label, values = shown(plot)
    page.wait_for_timeout(300)
    assert shown(plot)[0] == active
    assert label == f"step {STEPS[active]}"
    expected = make_learned(STEPS).values[active, :, 0]
    assert values == pytest.approx(expected.tolist(), abs=1e-4)
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    assert shown(plot)[0] == active - 1
    page.keyboard.press("Enter")
    play.wait_for(timeout=8000)  # it halts by itself
    assert shown(plot)[0] == len(STEPS) - 1
    assert ranges(plot) == pytest.approx(before)


def test_in_the_app(visit: Open, serve: Serve, run: Run) -> None:
    page = visit(f"{serve(run.path.parent)}/?page=spectral")
    plot = page.locator("#learned_function-figure.js-plotly-plot")
    plot.wait_for(state="attached", timeout=20_000)
    plays(page, plot)
    assert page.locator("button.player").count() == 1  # the gradient flow's slider has none


def test_in_a_file(visit: Open, run: Run, tmp_path: Path) -> None:
    page = visit(report(run, tmp_path / "report.html").as_uri())
    page.locator("#run-1-learned_function").scroll_into_view_if_needed()
    plays(page, page.locator("#run-1-learned_function-figure"))
