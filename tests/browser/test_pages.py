"""Every page as its reader meets it: on a desk and on a phone, light and dark, with keys alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from dashboard.navigation import ALONE, PAGES
from dashboard.panel import recorded_panels
from diagnostics.run import Run
from tests.browser.conftest import Open, Serve

pytestmark = pytest.mark.browser

WIDE: ViewportSize = {"width": 1440, "height": 900}
SLOW = 20_000  # milliseconds that a busy machine may take to draw
PHONE: ViewportSize = {"width": 390, "height": 844}
SOMETHING = "#content :is(.main-svg, .absent, .run-row, .offer, .empty)"
FITS = "() => document.documentElement.scrollWidth <= window.innerWidth"
SCHEME = "document.documentElement.dataset.scheme"


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def turn_to(page: Page, name: str) -> None:
    page.locator(f"a[data-page={name}]").click()
    expect(page.locator("a[aria-current=page]")).to_have_attribute("data-page", name)


def check_names(page: Page, name: str, title: str) -> None:
    """The page says where one is: in its only heading of the first rank, in its tab, aloud."""
    whose = [] if name in ALONE else ["group/sick"]
    told = " · ".join([title, *whose, "Fathom"])
    expect(page.locator("h1:visible")).to_have_count(1)
    expect(page.locator("h1:visible")).to_have_text(title if name in ALONE else "group/sick")
    expect(page.locator("#spoken")).to_have_text(told)
    assert page.title() == told


def check_fit(page: Page) -> None:
    """On a phone nothing stands out, whichever the scheme; the page's link is in sight."""
    page.set_viewport_size(PHONE)
    for _ in range(2):
        before = page.evaluate(SCHEME)
        page.keyboard.press("t")
        page.wait_for_function(f"old => {SCHEME} !== old", arg=before)
        page.wait_for_function(FITS)
    page.set_viewport_size(WIDE)
    page.wait_for_function(FITS)


def test_every_page_fits_names_itself_and_shows_something(visit: Open, address: str) -> None:
    page = visit(f"{address}/?run=group/sick")
    page.set_viewport_size(WIDE)
    for name, title in PAGES:
        turn_to(page, name)
        expect(page.locator(SOMETHING).first).to_be_visible(timeout=SLOW)
        check_names(page, name, title)
        check_fit(page)


def test_on_a_phone_the_page_s_link_is_in_sight(visit: Open, address: str) -> None:
    page = visit(f"{address}/?run=group/sick&page=ask")
    page.set_viewport_size(PHONE)
    for name in ("ask", "overview"):
        turn_to(page, name)
        expect(page.locator("a[aria-current=page]")).to_be_in_viewport(ratio=0.99)


def test_an_address_restores_all_that_was_looked_at(visit: Open, address: str) -> None:
    asked = "page=layers&run=group/sick&step=5&layer=linear2&scale=log&smooth=0.5&theme=dark"
    page = visit(f"{address}/?{asked}&view=weight")
    expect(page.locator("h1:visible")).to_have_text("group/sick")
    expect(page.locator("html")).to_have_attribute("data-scheme", "dark")
    expect(page.locator("#layer_history-caption")).to_contain_text("'linear2'", timeout=SLOW)
    expect(page.locator("#layer_history input[type=range]")).to_have_value("0.5")
    expect(page.locator("#layer_history [data-to=log]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#gradient_flow .slider-label").first).to_have_text("profile at step 5")
    page.locator("#depth_map").scroll_into_view_if_needed()
    chosen = page.locator("#depth_map-choices [aria-pressed=true]")
    expect(chosen).to_have_attribute("data-to", "weight")
    assert query(page) == parse_qs(f"{asked}&view=weight")


def test_a_picture_has_a_name_and_a_description(visit: Open, address: str) -> None:
    page = visit(f"{address}/?page=layers&run=group/sick")
    figure = page.get_by_role("figure", name="Gradient flow: Does the gradient reach")
    expect(figure).to_have_attribute("aria-describedby", "gradient_flow-caption")
    expect(page.locator("#gradient_flow-caption")).to_contain_text("Root mean square")


def test_a_broken_picture_says_so_in_its_place_and_the_others_are_drawn(
    visit: Open, serve: Serve, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Run, **__: Any) -> Any:
        raise ZeroDivisionError("by <b>design</b>")

    found = [
        replace(panel, analyse=broken) if panel.name == "gradient_flow" else panel
        for panel in recorded_panels()
    ]
    monkeypatch.setattr("dashboard.app.recorded_panels", lambda: found)
    page = visit(f"{serve(runs)}/?page=layers&run=healthy")
    told = "This part broke: ZeroDivisionError: by <b>design</b>"
    expect(page.locator("#gradient_flow .notice")).to_contain_text(told, timeout=SLOW)
    expect(page.locator("#gradient_flow .main-svg")).to_have_count(0)
    expect(page.locator("#activation_health .main-svg").first).to_be_visible()


def test_of_a_run_that_there_is_not_the_way_leads_to_all_runs(visit: Open, address: str) -> None:
    page = visit(f"{address}/?page=layers&run=nowhere")
    expect(page.locator("h1:visible")).to_have_text("This run cannot be shown")
    page.get_by_role("link", name="See all runs").click()
    expect(page.locator(".run-row")).to_have_count(2)
    page.goto(f"{address}/?page=runs&run=nowhere")
    expect(page.locator(".run-row")).to_have_count(2)


def test_whoever_has_only_keys_reaches_the_page_and_its_controls(visit: Open, address: str) -> None:
    page = visit(f"{address}/?run=group/sick")
    expect(page.locator("#loss_curve .main-svg").first).to_be_visible(timeout=SLOW)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.locator("#loss_curve input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**smooth=0.01**")
    assert "step" not in query(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**scale=log**")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"
