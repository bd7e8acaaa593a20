"""The sliders of a dropout ensemble, in a report that nobody serves; a click on it anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard import report
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.run import Run
from diagnostics.store import save
from tests.browser.conftest import Open, Serve
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


def clicked(page: Page, plot: Locator) -> None:
    """On the mean, in the middle: there the draws are shown then."""
    graph, told = plot.element_handle(), plot.locator(".slider-label").first
    before = told.text_content()
    area = plot.locator(".nsewdrag").first.bounding_box()
    assert area
    line = page.evaluate(
        """graph => { const mean = graph._fullData.find(({ name }) => name === 'mean of the draws');
        const axis = graph._fullLayout.yaxis;
        return axis._offset + axis.d2p(mean.y[20]) + graph.getBoundingClientRect().top }""",
        graph,
    )
    middle = area["x"] + area["width"] * 0.5
    page.mouse.move(middle, line - 2)
    page.mouse.click(middle, line)
    expect(told).not_to_have_text(str(before))
    assert abs(float(str(told.text_content()).removeprefix("draws at input "))) < 0.3


def test_a_click_on_the_band_shows_the_draws_there(page: Page) -> None:
    before = page.evaluate(DATA, "draws")
    clicked(page, page.locator("#run-1-mc_dropout-figure"))
    assert page.evaluate(DATA, "draws") != before


def test_a_click_in_the_app_does_so_too(
    visit: Open, serve: Serve, placed: PlacedDropout, tmp_path: Path
) -> None:
    save(train(tmp_path / "run", steps=3), placed, "step3_none_shared")
    page = visit(f"{serve(tmp_path)}/?page=uncertainty")
    plot = page.locator("#mc_dropout-figure.js-plotly-plot")
    plot.locator(".slider-group").nth(1).wait_for(state="attached", timeout=20_000)
    plot.locator(".nsewdrag").first.scroll_into_view_if_needed()
    clicked(page, plot)


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
