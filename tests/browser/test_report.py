"""The report, opened from the disk in a real browser."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard import report
from dashboard.theme import palette
from diagnostics.run import Run
from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

PAINTED = ".figure .main-svg"


@pytest.fixture(scope="session")
def written(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    several = [Run(runs / "group" / "sick"), Run(runs / "healthy")]
    return report(several, tmp_path_factory.mktemp("report") / "both.html").as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_follows_the_systems_scheme(visit: Open, written: str, scheme: str) -> None:
    page = visit(written, scheme)
    page.wait_for_selector(PAINTED, state="attached")
    ground = page.locator(".main-svg").first.evaluate("node => node.style.background")
    colour = palette(scheme).card.lstrip("#")
    red, green, blue = (int(colour[place : place + 2], 16) for place in (0, 2, 4))
    assert ground == f"rgb({red}, {green}, {blue})"
    assert page.get_by_role("heading", name="Vanishing gradient").first.is_visible()


def test_the_button_turns_figures_as_well(visit: Open, written: str) -> None:
    page = visit(written)
    page.wait_for_selector(PAINTED, state="attached")
    before = page.locator(".main-svg").first.evaluate("node => node.style.background")
    page.get_by_title("Light or dark").click()
    page.wait_for_function(
        "old => document.querySelector('.main-svg').style.background !== old", arg=before
    )
    assert page.locator("html").get_attribute("data-scheme") == "dark"


def test_a_figure_is_drawn_when_it_comes_into_view(visit: Open, written: str) -> None:
    page = visit(written)
    page.locator("#run-2-gradient_flow").scroll_into_view_if_needed()
    page.wait_for_selector("#run-2-gradient_flow .heatmaplayer image", state="attached")


def test_the_slider_works_without_a_server(visit: Open, written: str) -> None:
    page = visit(written)
    page.locator("#run-1-gradient_flow").scroll_into_view_if_needed()
    slider = page.locator("#run-1-gradient_flow .slider-group")
    slider.wait_for()
    box = slider.bounding_box()
    label = page.locator("#run-1-gradient_flow .slider-label").first
    before = label.text_content()
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + 32)
    page.wait_for_timeout(300)
    assert label.text_content() != before


def test_a_click_on_the_heat_map_shows_that_step(visit: Open, written: str) -> None:
    page = visit(written)
    page.locator("#run-1-gradient_flow").scroll_into_view_if_needed()
    page.locator("#run-1-gradient_flow .slider-group").scroll_into_view_if_needed()
    label = page.locator("#run-1-gradient_flow .slider-label").first
    before = label.text_content()
    box = page.locator("#run-1-gradient_flow .heatmaplayer").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    assert label.text_content() != before


def test_prints(visit: Open, written: str, tmp_path: Path) -> None:
    page = visit(written, "dark")
    page.wait_for_selector(PAINTED, state="attached")
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").stat().st_size > 20_000


def test_a_verdict_leads_to_its_picture_at_its_step(visit: Open, written: str) -> None:
    page = visit(written)
    link = page.locator("#run-1 .to-picture a").first
    place = link.locator("..").get_attribute("data-place")
    step = link.locator("..").get_attribute("data-step")
    link.click()
    label = page.locator(f"#{place} .slider-label").first
    expect(label).to_have_text(f"profile at step {step}")
    expect(page.locator(f"#{place}")).to_be_in_viewport()


def test_a_picture_without_a_slider_marks_the_step(visit: Open, written: str) -> None:
    page = visit(written)
    page.locator("#run-1-update_ratios").scroll_into_view_if_needed()
    figure = page.locator("#run-1-update_ratios-figure")
    figure.locator(".heatmaplayer image").wait_for(state="attached")
    page.evaluate(
        """() => {
          const link = document.querySelector("#run-1 .to-picture");
          link.dataset.place = "run-1-update_ratios";
          link.dataset.step = "7";
          link.querySelector("a").click();
        }"""
    )
    shapes = "document.getElementById('run-1-update_ratios-figure').layout.shapes"
    page.wait_for_function(f"() => {shapes}.every((shape) => shape.visible && shape.x0 > 0)")
    axis = page.evaluate("document.getElementById('run-1-update_ratios-figure').layout.meta.steps")
    at = math.log10(7 + axis["shift"]) if axis["log"] else 7
    assert page.evaluate(f"{shapes}.map((shape) => shape.x1)") == pytest.approx([at] * 3)
