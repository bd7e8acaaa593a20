"""The report, opened from the disk in a real browser."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from dashboard import report
from dashboard.bundle import FLAT, WHOLE, Bundle, path
from dashboard.paper import pdf_report
from dashboard.theme import palette
from diagnostics.run import Run
from diagnostics.store import save
from tests.browser.conftest import Open
from tests.dashboard.around import make_landscape

pytestmark = pytest.mark.browser

PAINTED = ".figure .main-svg"
FLOW = "#run-1-gradient_flow"


@pytest.fixture(scope="session")
def written(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    several = [Run(runs / "group" / "sick"), Run(runs / "healthy")]
    return report(several, tmp_path_factory.mktemp("report") / "both.html").as_uri()


def painted(page: Page, place: str = FLOW) -> Page:
    page.wait_for_selector("html[data-ready]")
    page.locator(place).scroll_into_view_if_needed()
    page.locator(f"{place} .main-svg").first.wait_for()
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_follows_the_systems_scheme(visit: Open, written: str, scheme: str) -> None:
    page = painted(visit(written, scheme))
    ground = page.locator(".main-svg").first.evaluate("node => node.style.background")
    colour = palette(scheme).card.lstrip("#")
    red, green, blue = (int(colour[place : place + 2], 16) for place in (0, 2, 4))
    assert ground == f"rgb({red}, {green}, {blue})"
    assert page.get_by_role("heading", name="Vanishing gradient").first.is_visible()


def test_the_button_turns_figures_as_well(visit: Open, written: str) -> None:
    page = painted(visit(written))
    before = page.locator(".main-svg").first.evaluate("node => node.style.background")
    page.get_by_title("Light or dark").click()
    page.wait_for_function(
        "old => document.querySelector('.main-svg').style.background !== old", arg=before
    )
    assert page.locator("html").get_attribute("data-scheme") == "dark"


def test_a_figure_is_drawn_when_it_comes_into_view(visit: Open, written: str) -> None:
    page = visit(written)
    page.wait_for_selector("html[data-ready]")
    assert not page.locator("#run-2-gradient_flow .main-svg").count()
    page.locator("#run-2-gradient_flow").scroll_into_view_if_needed()
    page.wait_for_selector("#run-2-gradient_flow .heatmaplayer image", state="attached")


def test_the_slider_works_without_a_server(visit: Open, written: str) -> None:
    page = painted(visit(written))
    slider = page.locator(f"{FLOW} .slider-group")
    slider.wait_for()
    box: Any = slider.bounding_box()
    label = page.locator(f"{FLOW} .slider-label").first
    before = label.text_content()
    page.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + 32)
    expect(label).not_to_have_text(before or "")


def test_a_click_on_the_heat_map_shows_that_step(visit: Open, written: str) -> None:
    page = painted(visit(written))
    page.locator(f"{FLOW} .slider-group").scroll_into_view_if_needed()
    label = page.locator(f"{FLOW} .slider-label").first
    before = label.text_content()
    box: Any = page.locator(f"{FLOW} .heatmaplayer").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    expect(label).not_to_have_text(before or "")


def test_a_choice_draws_another_picture(visit: Open, runs: Path, tmp_path: Path) -> None:
    run = Run(runs / "healthy")
    stored = save(run.path, make_landscape())
    try:
        page = visit(report(run, tmp_path / "space.html").as_uri())
    finally:
        stored.unlink()
    panel = painted(page, "#run-1-loss_landscape").locator("#run-1-loss_landscape")
    figure = "document.querySelector('#run-1-loss_landscape .figure')"
    before = page.evaluate(f"JSON.stringify({figure}.data)")
    panel.get_by_role("button", name="linear").click()
    expect(panel.locator("[aria-pressed=true]")).to_have_text(["plane", "linear"])
    page.wait_for_function(f"before => JSON.stringify({figure}.data) !== before", arg=before)
    assert "surface" in page.evaluate("Object.keys(Plotly.PlotSchema.get().traces)")


def test_contents_lie_beside_a_wide_page_and_fold_on_a_narrow_one(
    visit: Open, written: str
) -> None:
    page = visit(written)
    contents = page.get_by_role("navigation", name="Contents")
    layers = contents.get_by_role("link", name="Layers")
    expect(layers).to_have_count(1)  # of the run looked at; the other is no more than named
    contents.get_by_role("link", name="healthy").click()
    expect(contents.locator(".here .of-run")).to_have_text("healthy")  # once it has been reached
    layers.click()
    expect(page.locator("#run-2-chapter-layers")).to_be_in_viewport()
    expect(contents.locator("a[aria-current]")).to_have_text(re.compile("Layers|Activation"))
    page.set_viewport_size({"width": 390, "height": 800})
    expect(contents.get_by_text("healthy")).to_be_hidden()
    contents.get_by_text("Contents").click()
    contents.get_by_role("link", name="sick").click()
    expect(page.locator("#run-1")).to_be_in_viewport()
    expect(contents.get_by_text("healthy")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_paper_holds_every_figure_in_light_and_gives_it_back(visit: Open, written: str) -> None:
    page = visit(written, "dark")
    page.wait_for_selector("html[data-ready]")
    closed = page.locator("main details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    figures = page.locator(".panel > .figure")
    expect(page.locator(".panel > .figure .main-svg:first-child")).to_have_count(figures.count())
    grounds = """() => [...document.querySelectorAll(".main-svg:first-child")].map(
      (each) => each.style.background)"""
    page.wait_for_function(f"() => new Set(({grounds})()).size === 1")
    assert set(page.evaluate(grounds)) == {"rgb(255, 255, 255)"}
    on_paper = """all => all.map((each) => {
      const share = Number(each.style.getPropertyValue("--share"));
      const { width, height } = each._fullLayout;
      return [each.clientWidth * share, width * share, height * share];
    })"""
    for width, drawn_width, height in figures.evaluate_all(on_paper):
        assert width == pytest.approx(966, abs=1)
        assert drawn_width == pytest.approx(966, abs=1)
        assert height <= 1201
    assert page.locator("main details:not([open], .page, .recorded *)").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("main details:not([open])").count() == closed
    page.wait_for_function(
        """() => [...document.querySelectorAll(".panel > .figure")].every(
          (each) => each._fullLayout.width === each.clientWidth && each.clientWidth !== 966)"""
    )


def test_a_browser_prints_it(runs: Path, tmp_path: Path, browser: Browser) -> None:
    printed = pdf_report(Run(runs / "group" / "sick"), tmp_path / "x.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) >= 4
    assert b"/MediaBox [0 0 594.9599" in printed  # A4


def test_a_verdict_leads_to_its_picture_at_its_step(visit: Open, written: str) -> None:
    page = visit(written)
    link = page.locator("#run-1 .to-picture a[data-place]").first
    place, step = link.get_attribute("data-place"), link.get_attribute("data-step")
    link.click()
    label = page.locator(f"#{place} .slider-label").first
    expect(label).to_have_text(f"profile at step {step}")
    expect(page.locator(f"#{place}")).to_be_in_viewport()


def test_a_picture_without_a_slider_marks_the_step(visit: Open, written: str) -> None:
    page = painted(visit(written), "#run-1-update_ratios")
    figure = page.locator("#run-1-update_ratios-figure")
    figure.locator(".heatmaplayer image").wait_for(state="attached")
    page.evaluate(
        """() => {
          const link = document.querySelector("#run-1 .to-picture a");
          link.dataset.place = "run-1-update_ratios";
          link.dataset.step = "7";
          link.click();
        }"""
    )
    drawn = "document.getElementById('run-1-update_ratios-figure').layout"
    axis = page.evaluate(f"{drawn}.meta.steps")
    at = math.log10(7 + axis["shift"]) if axis["log"] else 7
    marks = f"{drawn}.shapes.filter((shape) => shape.name === 'step')"
    page.wait_for_function(
        f"""at => {marks}.length && {marks}.every(
          (shape) => shape.visible && Math.abs(shape.x0 - at) < 1e-9 && shape.x1 === shape.x0)""",
        arg=at,
    )


TRACES: dict[str, dict[str, Any]] = {
    "scatter": {"y": [1, 3, 2]},
    "bar": {"y": [1, 3, 2]},
    "heatmap": {"z": [[1, 2], [3, 4]]},
    "contour": {"z": [[1, 2, 1], [3, 4, 2], [0, 1, 5]]},
    "scatter3d": {"x": [1, 2], "y": [1, 2], "z": [1, 2]},
    "surface": {"z": [[1, 2, 1], [3, 4, 2], [0, 1, 5]]},
}


@pytest.mark.parametrize(("bundle", "known"), [("flat", FLAT), ("whole", WHOLE)])
def test_a_bundle_draws_what_it_says(visit: Open, bundle: Bundle, known: frozenset[str]) -> None:
    assert set(TRACES) == WHOLE
    page = visit("data:text/html,<title>x</title>")
    page.add_script_tag(path=path(bundle))
    for kind in sorted(known):
        assert drawn(page, {"type": kind, **TRACES[kind]}) == [kind]


def test_the_whole_one_takes_over_what_the_flat_one_has_drawn(visit: Open) -> None:
    page = visit("data:text/html,<title>x</title>")
    page.add_script_tag(path=path("flat"))
    page.evaluate("window.first = document.body.appendChild(document.createElement('div'))")
    page.evaluate("Plotly.newPlot(first, [{y: [1, 2]}])")
    page.add_script_tag(path=path("whole"))
    page.evaluate("Plotly.react(first, [{y: [1, 2, 3]}], {})")
    assert page.evaluate("first.querySelectorAll('.point').length") == 3


def drawn(page: Page, trace: dict[str, Any]) -> list[str]:
    """What plotly made of the trace; it makes a scatter of a type that it does not know."""
    return page.evaluate(  # type: ignore[no-any-return]
        """async (trace) => {
          const place = document.body.appendChild(document.createElement("div"));
          await Plotly.newPlot(place, [trace], { width: 300, height: 200 });
          const found = place._fullData.map((each) => each.type);
          Plotly.purge(place);
          place.remove();
          return found;
        }""",
        trace,
    )
