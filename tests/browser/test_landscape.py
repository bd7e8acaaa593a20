"""A landscape computed by clicking, from the run's folder alone, and looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from dashboard import report
from dashboard.theme import palette
from diagnostics.run import Run
from diagnostics.store import save
from probes import Recorder
from tests.browser.conftest import Open, Serve
from tests.dashboard.around import make_about, make_curvature, make_landscape
from tests.dashboard.samples import HOSTILE, train

pytestmark = pytest.mark.browser

PANEL = "#loss_landscape"
PLANE = f"{PANEL} .heatmaplayer image"


@pytest.fixture(scope="module")
def programmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run that holds its loss program."""
    root = tmp_path_factory.mktemp("programmed")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.3)
    x, y = torch.randn(32, 8), torch.randint(0, 3, (32,))
    loss_fn = torch.nn.functional.cross_entropy
    with Recorder(model, optimizer, root / "digits", loss=loss_fn, batch=(x, y)) as recorder:
        for _ in range(20):
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)
    return root


def pick(page: Page, field: str, choice: str) -> None:
    page.locator(f"#ask-{field}").get_by_text(choice, exact=True).click()


def view(page: Page, choice: str) -> None:
    page.locator("#loss_landscape-controls").get_by_text(choice, exact=True).click()


def test_without_a_program_one_line_says_how_to_record_one(visit: Open, address: str) -> None:
    page = visit(f"{address}/?run=healthy")
    expect(page.locator("#not-computed")).to_contain_text("Recorder(", timeout=20_000)
    for name in ("loss_landscape", "curvature", "curvature_history", "sharpness"):
        expect(page.locator(f"#{name}")).to_be_hidden()


def test_a_landscape_is_computed_by_clicking(visit: Open, serve: Serve, programmed: Path) -> None:
    page = visit(f"{serve(programmed)}/")
    expect(page.locator("#not-computed")).to_contain_text("fathom analyse curvature")
    pick(page, "resolution", "15")
    pick(page, "along", "the training's way")
    page.locator("#compute").click()
    expect(page.locator("#cancel")).to_be_visible()
    page.wait_for_selector(PLANE, state="attached", timeout=60_000)
    expect(page.locator("#job")).to_contain_text("Computed in")
    expect(page.locator("#compute")).to_be_visible()
    expect(page.locator("#loss_landscape-caption")).to_contain_text("225 nodes were evaluated")
    expect(page.locator("#loss_landscape-caption")).to_contain_text("aimless wandering")

    view(page, "surface")
    page.wait_for_selector(f"{PANEL} .gl-container canvas", state="attached", timeout=20_000)
    page.get_by_title("Light or dark").click()
    figure = f"document.querySelector('{PANEL}-figure .js-plotly-plot')"
    dark = palette("dark").card
    page.wait_for_function(f"() => {figure}.layout.template.layout.paper_bgcolor === '{dark}'")
    assert page.evaluate(f"{figure}.data[0].type") == "surface"

    pick(page, "axes", "line")
    page.locator("#compute").click()
    expect(page.locator("#loss_landscape-several")).to_have_text("Stored (2)", timeout=60_000)
    expect(page.locator("#loss_landscape-caption")).to_contain_text("The loss along")


def test_a_landscape_that_cannot_be_computed_says_why(
    visit: Open, serve: Serve, programmed: Path
) -> None:
    page = visit(f"{serve(programmed)}/")
    page.locator("#landscape-form summary").wait_for(timeout=20_000)
    if page.locator("#landscape-form").get_attribute("open") is None:
        page.locator("#landscape-form summary").click()
    page.locator("#ask-step").fill("7777")
    page.locator("#ask-step").blur()
    page.locator("#compute").click()
    expect(page.locator("#job .notice")).to_contain_text("no centre 7777")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose stored results are full of markup."""
    run = Run(train(tmp_path_factory.mktemp("hostile") / "digits", steps=5))
    about = make_about(run=HOSTILE, data=HOSTILE)
    save(run.path, make_landscape(about=about, directions=(HOSTILE, "y")))
    save(run.path, make_curvature(about=about))
    return run


def test_names_are_text(visit: Open, serve: Serve, hostile: Run) -> None:
    page = visit(f"{serve(hostile.path.parent)}/")
    page.wait_for_selector(PLANE, state="attached", timeout=20_000)
    expect(page.locator("#loss_landscape-caption")).to_contain_text("<img src=x")
    assert page.locator("main img, main b").count() == 0


def test_the_report_turns_from_plane_to_surface_without_a_server(
    visit: Open, hostile: Run, tmp_path: Path
) -> None:
    page = visit(report(hostile, tmp_path / "report.html").as_uri())
    panel = page.locator("#run-1-loss_landscape")
    panel.scroll_into_view_if_needed()
    panel.locator(".heatmaplayer image").first.wait_for(state="attached")
    panel.get_by_role("button", name="surface").click()
    panel.locator(".gl-container canvas").first.wait_for(state="attached")
    assert panel.locator("[aria-pressed=true]").all_text_contents() == ["surface", "log"]
    assert page.locator("#run-1-sharpness").count() == 0
