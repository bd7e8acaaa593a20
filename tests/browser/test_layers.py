"""The tree of modules in a real browser: keys, filter, choice, and the address that restores it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open

pytestmark = pytest.mark.browser

CHOSEN = '#layers-tree [aria-selected="true"]'
TITLE = "#layer_history-figure .gtitle"


def item(page: Page, layer: str) -> str:
    return f'#layers-tree [data-layer="{layer}"]'


def opened(page: Page) -> Page:
    page.wait_for_selector("#layers-tree [role=treeitem]")
    return page


def test_a_click_and_a_key_choose_a_layer(visit: Open, address: str) -> None:
    page = opened(visit(f"{address}/?page=layers&run=group/sick"))
    page.locator(f"{item(page, '2')} .row").click()
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "2")
    expect(page.locator(TITLE)).to_contain_text("2")
    assert "layer=2" in page.url
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "4")
    assert "layer=4" in page.url
    page.go_back()
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "2")


def test_signs_arrive_and_the_filter_finds(visit: Open, address: str) -> None:
    page = opened(visit(f"{address}/?page=layers&run=group/sick&layer=0"))
    expect(page.locator(f"{item(page, '0')} .sign.error")).to_be_visible()
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "0")
    search = page.get_by_label("Filter modules")
    search.fill("sigmoid")
    expect(page.locator(item(page, "0"))).to_be_hidden()
    expect(page.locator(item(page, "1"))).to_be_visible()
    search.fill("nothing like it")
    expect(page.locator("#layers-note")).to_have_text(
        "No module has 'nothing like it' in its path or type."
    )
    search.fill("")
    expect(page.locator(item(page, "0"))).to_be_visible()


def test_an_unknown_layer_is_told_its_neighbours(visit: Open, address: str) -> None:
    page = visit(f"{address}/?page=layers&run=group/sick&layer=99")
    expect(page.locator("#layer_history-caption .notice")).to_contain_text("no layer '99'")
