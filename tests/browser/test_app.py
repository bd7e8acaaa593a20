"""The live app: a real server, real recordings, a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from probes import Recorder
from tests.browser.conftest import Open, Serve
from tests.dashboard.samples import HOSTILE, network, step, train

pytestmark = pytest.mark.browser

PAINTED = "#gradient_flow .heatmaplayer image"
HEAT_MAP, SLIDER = "#gradient_flow .heatmaplayer", "#gradient_flow .slider-group"
FIGURE = "document.getElementById('gradient_flow-figure')"


def painted(page: Page) -> Page:
    page.wait_for_selector(PAINTED, state="attached", timeout=20_000)
    return page


def shown_step(page: Page) -> str:
    label = page.locator("#gradient_flow .slider-label").first
    label.wait_for()
    return (label.text_content() or "").removeprefix("profile at step ")


def click_heat_map(page: Page, across: float, down: float) -> None:
    page.locator(SLIDER).scroll_into_view_if_needed()
    box: Any = page.locator(HEAT_MAP).bounding_box()
    page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)


def zoom_to_some_layers(page: Page) -> list[float]:
    page.locator(SLIDER).scroll_into_view_if_needed()
    box: Any = page.locator(HEAT_MAP).bounding_box()
    across = box["x"] + box["width"] / 2
    page.mouse.move(across, box["y"] + box["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(across, box["y"] + box["height"] * 0.7, steps=5)
    page.mouse.up()
    page.wait_for_function(f"() => {FIGURE}.layout.yaxis.range[0] < 7")
    zoomed: list[float] = page.evaluate(f"{FIGURE}.layout.yaxis.range")
    return zoomed


LAYERS = "page=layers&run="


def test_shows_the_latest_run(visit: Open, address: str) -> None:
    page = visit(f"{address}/")
    expect(page.get_by_role("heading", name="healthy")).to_be_visible()
    expect(page.locator(".run-title .state")).to_have_text("finished")
    expect(page.locator("#judged")).to_have_text("✓no findings")
    page.wait_for_selector("#loss_curve .scatterlayer path", state="attached")


def test_a_run_has_an_address_and_its_verdict_is_seen(visit: Open, address: str) -> None:
    page = visit(f"{address}/?run=group/sick")
    expect(page.get_by_role("heading", name="Vanishing gradient")).to_be_visible()
    expect(page.locator("#judged .error")).to_be_visible()
    expect(page.locator("#chooser")).to_have_value("group/sick")


def test_choosing_a_run_changes_the_address(visit: Open, address: str) -> None:
    page = visit(f"{address}/?run=healthy&step=3")
    expect(page.locator(".run-title h1")).to_have_text("healthy")
    page.locator("#chooser").fill("group/sick")
    page.locator("#chooser").dispatch_event("change")
    expect(page.locator(".run-title h1")).to_have_text("group/sick")
    assert page.url == f"{address}/?run=group/sick"
    page.go_back()
    expect(page.locator(".run-title h1")).to_have_text("healthy")


def test_every_page_is_a_link_that_keeps_the_run(visit: Open, address: str) -> None:
    page = visit(f"{address}/?run=group/sick")
    for name in ("Layers", "Spectral bias", "Overview"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator("a[aria-current=page]")).to_have_text(name)
        expect(page.locator(".run-title h1")).to_have_text("group/sick")
        assert "run=group/sick" in page.url


def test_a_page_that_there_is_not_says_so(visit: Open, address: str) -> None:
    page = visit(f"{address}/?page=nowhere&run=healthy")
    expect(page.locator("#content .notice")).to_contain_text("no page 'nowhere'")


def test_a_picture_opens_at_what_its_verdict_speaks_of(visit: Open, address: str) -> None:
    assert shown_step(painted(visit(f"{address}/?{LAYERS}group/sick"))) == "1"
    assert int(shown_step(painted(visit(f"{address}/?{LAYERS}healthy")))) > 1


def test_a_verdict_leads_to_its_picture(visit: Open, address: str) -> None:
    page = visit(f"{address}/?run=group/sick&step=9")
    page.locator(".to-picture a").first.click()
    expect(painted(page).locator("#gradient_flow .slider-label").first).to_have_text(
        "profile at step 1"
    )
    expect(page.locator("#gradient_flow")).to_be_in_viewport()
    assert page.url == f"{address}/?page=layers&run=group/sick&step=1#gradient_flow"


def test_one_step_for_all_pictures_and_for_the_address(visit: Open, address: str) -> None:
    page = painted(visit(f"{address}/?{LAYERS}group/sick&step=5"))
    mark = (
        "document.getElementById('update_ratios-figure').layout.shapes.find(s => s.name === 'step')"
    )
    page.locator("#update_ratios").scroll_into_view_if_needed()  # only then is it drawn
    page.locator("#update_ratios").scroll_into_view_if_needed()
    page.wait_for_function("() => document.getElementById('update_ratios-figure')?.layout")
    assert page.evaluate(f"{mark}.visible")
    before = page.evaluate(f"{mark}.x0")
    click_heat_map(page, 0.7, 0.5)
    page.wait_for_function(f"old => {mark}.x0 !== old", arg=before)
    assert f"step={shown_step(page).replace(',', '')}" in page.url


def test_the_keyboard_alone_suffices(visit: Open, address: str) -> None:
    page = painted(visit(f"{address}/?{LAYERS}group/sick&step=5"))
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => Number(new URLSearchParams(location.search).get('step')) > 5")
    page.keyboard.press("/")
    expect(page.locator("input[type=search]:focus")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    expect(page.locator("a[aria-current=page]")).to_have_text("Overview")


def test_a_picture_can_be_downloaded_with_its_numbers(visit: Open, address: str) -> None:
    page = painted(visit(f"{address}/?{LAYERS}group/sick"))
    page.locator("#gradient_flow .plot-container").hover()
    with page.expect_download() as download:
        page.locator("#gradient_flow [data-title='Download data as CSV']").click()
    assert download.value.suggested_filename == "gradient_flow.csv"
    rows = Path(download.value.path()).read_text("utf-8").splitlines()
    assert rows[0] == "name,x,y,z"
    assert len(rows) > 20
    with page.expect_download() as download:
        page.locator("#gradient_flow [data-title='Download picture as SVG']").click()
    assert Path(download.value.path()).read_text("utf-8").startswith("<svg")


def test_a_click_on_the_heat_map_chooses_the_step(visit: Open, address: str) -> None:
    page = painted(visit(f"{address}/?{LAYERS}group/sick"))
    line = page.evaluate(f"{FIGURE}.data[2].x[0]")
    click_heat_map(page, 0.7, 0.5)
    page.wait_for_function(f"old => {FIGURE}.data[2].x[0] !== old", arg=line)
    assert int(shown_step(page)) > 1


def test_a_chosen_step_outlives_a_change_of_scheme(visit: Open, address: str) -> None:
    page = painted(visit(f"{address}/?{LAYERS}group/sick"))
    page.locator(SLIDER).scroll_into_view_if_needed()
    box: Any = page.locator(SLIDER).bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + 32)
    chosen = shown_step(page)
    ground = page.evaluate(f"{FIGURE}.layout.template.layout.paper_bgcolor")
    page.locator("#toggle").click()
    page.wait_for_function(
        f"old => {FIGURE}.layout.template.layout.paper_bgcolor !== old", arg=ground
    )
    assert shown_step(page) == chosen


def test_the_scheme_is_remembered(visit: Open, address: str) -> None:
    page = painted(visit(f"{address}/?{LAYERS}healthy"))
    page.locator("#toggle").click()
    expect(page.locator("html")).to_have_attribute("data-scheme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-scheme", "dark")
    painted(page)
    assert page.evaluate(f"{FIGURE}.layout.template.layout.paper_bgcolor") == "#1e2125"


@pytest.mark.parametrize("name", ["../../etc", "/etc/passwd", "nothing", "<b>x</b>", "."])
def test_only_runs_that_were_found_can_be_named(visit: Open, address: str, name: str) -> None:
    page = visit(f"{address}/?run={name}")
    expect(page.locator(".notice")).to_contain_text("choose one from the list")
    expect(page.locator("#content")).to_be_hidden()
    page.locator("#chooser").fill("healthy")
    page.locator("#chooser").dispatch_event("change")
    expect(page.locator(".run-title h1")).to_have_text("healthy")


def test_an_empty_folder_says_what_to_do(visit: Open, serve: Serve, tmp_path: Path) -> None:
    address = serve(tmp_path)
    page = visit(f"{address}/")
    expect(page.get_by_role("heading", name="No runs here yet")).to_be_visible()
    expect(page.locator("pre")).to_contain_text("Recorder")


def test_a_live_run_grows_before_ones_eyes(visit: Open, serve: Serve, tmp_path: Path) -> None:
    model, optimizer = network("ReLU")
    inputs, targets = torch.randn(64, 16), torch.randint(0, 4, (64,))
    with Recorder(model, optimizer, tmp_path / "live") as recorder:
        address = serve(tmp_path)
        for _ in range(5):
            step(model, optimizer, recorder, inputs, targets)
        page = painted(visit(f"{address}/?page=layers"))
        expect(page.locator(".run-title .state")).to_contain_text("live")
        zoomed = zoom_to_some_layers(page)
        before = shown_step(page)
        for _ in range(30):
            step(model, optimizer, recorder, inputs, targets)
        page.wait_for_function(
            f"old => {FIGURE}.layout.sliders[0].steps.at(-1).value !== old",
            arg=before,
            timeout=20_000,
        )
        assert int(shown_step(page)) > int(before)
        assert page.evaluate(f"{FIGURE}.layout.yaxis.range") == zoomed
        recorder.close()
        expect(page.locator(".run-title .state")).to_have_text("finished", timeout=15_000)
        expect(page.locator("#spoken")).to_have_text("live: finished")  # for those who hear it


def test_names_are_text_wherever_they_show(visit: Open, serve: Serve, tmp_path: Path) -> None:
    train(tmp_path / "odd <b>run</b>", steps=5, name=HOSTILE.replace(".", ","))
    address = serve(tmp_path)
    page = painted(visit(f"{address}/?page=layers"))
    expect(page.locator(".run-title h1")).to_have_text("odd <b>run</b>")
    click_heat_map(page, 0.5, 0.5)
    expect(page.locator(".hoverlayer .hovertext").first).to_contain_text("<img src=x")
    assert page.locator("main img, main b").count() == 0
    assert page.title() == "Layers · odd <b>run</b> · Fathom"


def test_an_unchanged_run_is_not_drawn_again(visit: Open, address: str) -> None:
    page = painted(visit(f"{address}/?{LAYERS}healthy"))
    page.wait_for_timeout(1500)
    heavy: list[int] = []
    page.on(
        "response",
        lambda answer: (
            heavy.append(len(answer.body()))
            if "_dash-update" in answer.url and answer.status == 200
            else None
        ),
    )
    page.wait_for_timeout(4500)
    assert sum(heavy) < 2000


def test_the_picture_keeps_its_height_when_runs_and_schemes_change(
    visit: Open, address: str
) -> None:
    page = painted(visit(f"{address}/?{LAYERS}healthy"))
    height = f"{FIGURE}.getBoundingClientRect().height"
    before = page.evaluate(height)
    assert before > 300
    for name in ("group/sick", "healthy"):
        page.locator("#chooser").fill(name)
        page.locator("#chooser").dispatch_event("change")
        expect(page.locator(".run-title h1")).to_have_text(name)
        page.wait_for_timeout(800)
        settled(lambda: page.evaluate(height) == before)
    page.locator("#toggle").click()
    page.wait_for_timeout(800)
    settled(lambda: page.evaluate(height) == before)


def settled(holds: Callable[[], bool]) -> None:
    """A busy machine draws late."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
