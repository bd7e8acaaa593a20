"""The sliders of a dropout ensemble, in a report that nobody serves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from dashboard import report
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.run import Run
from diagnostics.store import save
from tests.browser.conftest import Open
from tests.dashboard.dropout.ensembles import on_a_line, values
from tests.dashboard.samples import train

pytestmark = pytest.mark.browser

DATA = """name => document.querySelector('#run-1-mc_dropout-figure')._fullData
    .filter(trace => trace.name === name).map(trace => Array.from(trace.y))[0]"""


@pytest.fixture(scope="module")
def placed() -> PlacedDropout:
    return on_a_line(values(masks="shared", each=True))


@pytest.fixture(scope="module")
def written(placed: PlacedDropout, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("dropout")
    run = Run(train(folder / "run", steps=3))
    save(run.path, placed, "step3_none_shared")
    return report(run, folder / "report.html").as_uri()


@pytest.fixture
def page(visit: Open, written: str) -> Page:
    page = visit(written)
    page.locator("#run-1-mc_dropout").scroll_into_view_if_needed()
    page.locator("#run-1-mc_dropout .slider-group").nth(1).wait_for()
    return page


def rail(page: Page, of: int, share: float) -> None:
    """A click on a slider, at a share of its way."""
    box = page.locator("#run-1-mc_dropout .slider-rail-touch-rect").nth(of).bounding_box()
    assert box
    page.mouse.click(box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2)


def mean_of(page: Page) -> Any:
    return np.array(page.evaluate(DATA, "mean of the draws"), float)


def test_the_band_is_that_of_so_many_draws_as_the_slider_says(
    page: Page, placed: PlacedDropout
) -> None:
    kept = placed.ensemble.kept[:, ::-1, 0].astype(float)
    np.testing.assert_allclose(mean_of(page), kept.mean(0), rtol=1e-4, atol=1e-6)
    before = mean_of(page)
    rail(page, 1, 0.0)
    page.wait_for_function(
        f"([name, old]) => ({DATA})(name)[0] !== old", arg=["mean of the draws", before[0]]
    )
    np.testing.assert_allclose(mean_of(page), kept[:3].mean(0), rtol=1e-4, atol=1e-6)
    outline = np.array(page.evaluate(DATA, "± 2 sd, dropout-ensemble spread"))
    width = (outline[:40] - outline[40:][::-1]) / 4
    np.testing.assert_allclose(width, kept[:3].std(0, ddof=1), atol=1e-3)
    rail(page, 1, 1.0)
    page.wait_for_function(
        f"([name, old]) => Math.abs(({DATA})(name)[0] - old) < 1e-4",
        arg=["mean of the draws", before[0]],
    )
    np.testing.assert_allclose(mean_of(page), kept.mean(0), rtol=1e-4, atol=1e-6)


def test_a_click_on_the_band_shows_the_draws_there(page: Page) -> None:
    before = page.evaluate(DATA, "draws")
    plot = page.locator("#run-1-mc_dropout .nsewdrag").first.bounding_box()
    assert plot
    middle = plot["x"] + plot["width"] * 0.5
    line = page.evaluate(
        """() => { const graph = document.querySelector('#run-1-mc_dropout-figure');
        const mean = graph._fullData.find(trace => trace.name === 'mean of the draws');
        const axis = graph._fullLayout.yaxis;
        return axis._offset + axis.d2p(mean.y[20]) + graph.getBoundingClientRect().top }"""
    )
    page.mouse.move(middle, line - 2)
    page.mouse.click(middle, line)
    page.wait_for_function(
        f"([name, old]) => ({DATA})(name)[0] !== old[0] || ({DATA})(name)[5] !== old[5]",
        arg=["draws", before],
    )
    told = page.locator("#run-1-mc_dropout .slider-label").first.text_content()
    assert told
    assert abs(float(told.removeprefix("draws at input "))) < 0.3


def test_a_button_shows_one_dropout_alone(page: Page, placed: PlacedDropout) -> None:
    page.get_by_role("button", name="inner alone").focus()
    page.keyboard.press("Enter")
    kept = placed.ensemble.dropouts[0].kept
    assert kept is not None
    exact = kept[:, ::-1, 0].astype(float).mean(0)
    page.wait_for_function(
        f"([name, value]) => Math.abs(({DATA})(name)[0] - value) < 1e-4",
        arg=["mean of the draws", float(exact[0])],
    )
    np.testing.assert_allclose(mean_of(page), exact, rtol=1e-4, atol=1e-6)
