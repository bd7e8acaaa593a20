"""The page of a comparison in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, serving
from tests.twins import folder, twin

pytestmark = pytest.mark.browser

CURVES = "#compare_scalars .scatterlayer path.js-line"
AXIS = "document.querySelector('#compare_scalars-figure')?.layout?.xaxis.title.text"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    for name in ("base", "poked", "faster"):
        twin(name)
    with serving(folder()) as served:
        yield f"{served}/?page=compare&"


def drawn(page: Page) -> Page:
    page.wait_for_selector(CURVES, state="attached", timeout=20_000)
    return page


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def test_runs_are_looked_at_otherwise_and_the_address_says_how(visit: Open, address: str) -> None:
    page = drawn(visit(f"{address}run=base&with=poked&with=faster"))
    expect(page.locator(".chip")).to_have_count(3)
    expect(page.locator("#compare-parted")).to_contain_text("at step 7 first the output of 2")
    page.get_by_role("button", name="time").click()
    page.wait_for_function(f"() => {AXIS} === 'seconds since its start'")
    page.locator('[data-address="smooth"] input, input[data-address="smooth"]').first.fill("0.5")
    expect(page.locator("#compare_scalars-caption")).to_contain_text("weight 0.5")
    page.locator("select").select_option("5")
    page.wait_for_function("() => new URLSearchParams(location.search).get('layer') === '5'")
    assert (asked(page)["along"], asked(page)["smooth"]) == (["time"], ["0.5"])
    page.reload()
    page.wait_for_function(f"() => window.Plotly && {AXIS} === 'seconds since its start'")
    expect(page.locator("select")).to_have_value("5")


def test_runs_are_taken_out_and_added(visit: Open, address: str) -> None:
    page = drawn(visit(f"{address}run=base&with=poked"))
    page.get_by_role("link", name="Take poked out of the comparison").click()
    expect(page.locator("#compare-hint")).to_contain_text("Add a second run")
    assert "with" not in asked(page)
    page.wait_for_selector("#run-names option[value=faster]", state="attached")
    page.get_by_role("combobox", name="Add a run to the comparison").fill("faster")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_count(2)
    drawn(page)
    assert asked(page)["with"] == ["faster"]


def test_a_narrow_page_does_not_scroll_sideways(visit: Open, address: str) -> None:
    page = visit(f"{address}run=base&with=poked&with=faster", "dark")
    page.set_viewport_size({"width": 390, "height": 900})
    drawn(page)
    expect(page.locator("#compare-settings table").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
