"""A landscape computed by clicking, from the run's folder alone, and looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from dashboard import report
from dashboard.app import TICK
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
    record(root / "digits", width=8, examples=32, steps=20)
    return root


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one run whose loss takes some ten milliseconds a point."""
    root = tmp_path_factory.mktemp("slow")
    held_out = torch.randn(512, 8), torch.randint(0, 3, (512,))
    record(root / "digits", width=512, examples=2048, steps=4, held_out=held_out)
    return root


def record(path: Path, width: int, examples: int, steps: int, **data: Any) -> None:
    """A training with its loss program."""
    torch.manual_seed(0)
    sizes = (8, width), (width, width), (width, 3)
    first, second, last = (torch.nn.Linear(*each) for each in sizes)
    model = torch.nn.Sequential(first, torch.nn.Tanh(), second, torch.nn.Tanh(), last)
    optimizer = torch.optim.SGD(model.parameters(), 0.3)
    x, y = torch.randn(examples, 8), torch.randint(0, 3, (examples,))
    loss_fn = torch.nn.functional.cross_entropy
    with Recorder(model, optimizer, path, loss=loss_fn, batch=(x, y), **data) as recorder:
        for _ in range(steps):
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)


def field(name: str) -> str:
    return f"""[id='{{"ask":"{name}"}}']"""


def pick(page: Page, name: str, choice: str) -> None:
    page.locator(field(name)).get_by_text(choice, exact=True).click()


def fill(page: Page, name: str, value: str) -> None:
    page.locator(field(name)).fill(value)
    page.locator(field(name)).blur()


def asked(visit: Open, address: str) -> Page:
    """The page on which a landscape is asked for, its form open."""
    page = visit(f"{address}/?page=ask&ask=landscape")
    page.locator("#compute").wait_for(timeout=20_000)
    return page


def turn_to(page: Page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.locator("a[aria-current=page]")).to_have_text(name)


def view(page: Page, choice: str) -> None:
    page.locator("#loss_landscape-choices").get_by_text(choice, exact=True).click()


def test_without_a_program_one_line_says_how_to_record_one(visit: Open, address: str) -> None:
    page = visit(f"{address}/?page=landscape&run=healthy")
    expect(page.locator("#not-computed")).to_contain_text("Recorder(", timeout=20_000)
    for name in ("loss_landscape", "curvature", "curvature_history", "sharpness"):
        expect(page.locator(f"#{name}")).to_be_hidden()


def test_a_landscape_is_computed_by_clicking(visit: Open, serve: Serve, programmed: Path) -> None:
    page = visit(f"{serve(programmed)}/?page=landscape")
    expect(page.locator("#not-computed")).to_contain_text("fathom analyse curvature")
    page.locator("#not-computed li", has_text="Loss landscape").get_by_role("link").click()
    fill(page, "resolution", "15")
    pick(page, "along", "trajectory")
    page.locator("#compute").click()
    expect(page.locator("#cancel")).to_be_visible()
    expect(page.locator("#job")).to_contain_text("Computed in", timeout=60_000)
    expect(page.locator("#compute")).to_be_visible()
    page.locator("#job").get_by_role("link", name="Loss landscape").click()
    page.wait_for_selector(PLANE, state="attached", timeout=60_000)
    expect(page.locator("#loss_landscape-caption")).to_contain_text("225 nodes were evaluated")
    expect(page.locator("#loss_landscape-caption")).to_contain_text("aimless wandering")

    view(page, "surface")
    page.wait_for_selector(f"{PANEL} .gl-container canvas", state="attached", timeout=20_000)
    assert "view=surface" in page.url
    page.locator("#toggle").click()
    figure = f"document.querySelector('{PANEL}-figure')"
    dark = palette("dark").card
    page.wait_for_function(f"() => {figure}.layout.template.layout.paper_bgcolor === '{dark}'")
    assert page.evaluate(f"{figure}.data[0].type") == "surface"


def test_what_cannot_be_computed_says_why(visit: Open, serve: Serve, programmed: Path) -> None:
    page = asked(visit, serve(programmed))
    fill(page, "step", "7777")
    page.locator("#compute").click()
    expect(page.locator("#job .notice")).to_contain_text("7777", timeout=30_000)
    page.wait_for_timeout(3 * TICK)  # nor is it replaced by what an earlier one had to say
    expect(page.locator("#job .notice")).to_contain_text("7777")


WATCH = """() => {
  window.troubles = [];
  const notices = () => document.querySelectorAll("#loss_landscape-caption .notice");
  const look = () => notices().forEach((notice) => window.troubles.push(notice.textContent));
  const caption = document.getElementById("loss_landscape-caption");
  new MutationObserver(look).observe(caption, { childList: true, subtree: true });
}"""


def zoom_in(page: Page) -> list[float]:
    """Drag a rectangle over the middle of the plane; the range of x that is left."""
    plane = page.locator(f"{PANEL} .nsewdrag").first
    plane.scroll_into_view_if_needed()
    box = plane.bounding_box()
    assert box
    for share, act in ((0.3, page.mouse.down), (0.7, page.mouse.up)):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + share * box["height"], steps=4)
        act()
    return shown_range(page)


def shown_range(page: Page) -> list[float]:
    layout = f"document.querySelector('{PANEL}-figure').layout"
    found: list[float] = page.evaluate(f"[...{layout}.xaxis.range]")
    return found


def test_a_landscape_is_seen_while_it_is_refined(visit: Open, serve: Serve, slow: Path) -> None:
    page = asked(visit, serve(slow))
    caption = page.locator("#loss_landscape-caption")
    fill(page, "resolution", "25")
    pick(page, "held_out", "yes")
    page.locator("#compute").click()
    expect(page.locator("#cancel")).to_be_visible()
    turn_to(page, "Landscape & curvature")
    caption.wait_for(state="attached")
    page.evaluate(WATCH)
    expect(caption).to_contain_text("Not finished", timeout=60_000)
    expect(caption).to_contain_text("it goes on where it was")
    page.wait_for_selector(PLANE, state="attached")
    zoomed = zoom_in(page)
    assert zoomed[0] > -0.9
    assert zoomed[1] < 0.9

    expect(caption).to_contain_text("the others interpolated", timeout=120_000)
    expect(caption).not_to_contain_text("goes on where it was")
    expect(page.locator("#loss_landscape-keys")).to_be_hidden()  # there is this one alone
    expect(page.locator("#loss_landscape-choices")).to_contain_text("side by side")
    assert shown_range(page) == pytest.approx(zoomed)
    assert page.evaluate("window.troubles") == []

    turn_to(page, "Ask")
    fill(page, "resolution", "101")  # the same cut again, finer
    pick(page, "held_out", "yes")
    page.locator("#compute").click()
    turn_to(page, "Landscape & curvature")
    expect(caption).to_contain_text("Not finished", timeout=60_000)
    page.locator("#loss_landscape-several").click()
    page.locator("#loss_landscape-key label", has_not_text="not finished").click()
    expect(caption).to_contain_text("of 625 nodes were evaluated")
    turn_to(page, "Ask")
    page.locator("#cancel").click()
    expect(page.locator("#job")).to_contain_text("goes on where it was")


def test_towards_another_snapshot(visit: Open, serve: Serve, programmed: Path) -> None:
    page = asked(visit, serve(programmed))
    fill(page, "towards", "2")
    pick(page, "line", "yes")
    fill(page, "resolution", "15")
    page.locator("#compute").click()
    expect(page.locator("#job")).to_contain_text("Computed", timeout=30_000)
    turn_to(page, "Landscape & curvature")
    expect(page.locator("#loss_landscape-caption")).to_contain_text("The loss along towards step 2")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose stored results are full of markup."""
    run = Run(train(tmp_path_factory.mktemp("hostile") / "digits", steps=5))
    about = make_about(run=HOSTILE, data=HOSTILE)
    save(run.path, make_landscape(about=about, directions=(HOSTILE, "y")))
    save(run.path, make_curvature(about=about))
    return run


def test_names_are_text(visit: Open, serve: Serve, hostile: Run) -> None:
    page = visit(f"{serve(hostile.path.parent)}/?page=landscape")
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
