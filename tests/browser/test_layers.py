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
    page.locator(f"{item(page, 'linear1')} .row").click()
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "linear1")
    expect(page.locator(TITLE)).to_contain_text("linear1")
    assert "layer=linear1" in page.url
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "linear2")
    assert "layer=linear2" in page.url
    page.go_back()
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "linear1")


def test_the_layer_that_nobody_named_is_marked(visit: Open, address: str) -> None:
    page = opened(visit(f"{address}/?page=layers&run=group/sick"))
    expect(page.locator("#layer_history-caption")).to_contain_text("names it first")
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "linear0")
    assert "layer=" not in page.url


def test_signs_arrive_and_the_filter_finds(visit: Open, address: str) -> None:
    page = opened(visit(f"{address}/?page=layers&run=group/sick&layer=linear0"))
    expect(page.locator(f"{item(page, 'linear0')} .sign.error")).to_be_visible()
    expect(page.locator(CHOSEN)).to_have_attribute("data-layer", "linear0")
    search = page.get_by_label("Filter modules")
    search.fill("sigmoid")
    expect(page.locator(item(page, "linear0"))).to_be_hidden()
    expect(page.locator(item(page, "activation0"))).to_be_visible()
    search.fill("nothing like it")
    expect(page.locator("#layers-note")).to_have_text(
        "No module has 'nothing like it' in its path or type."
    )
    search.fill("")
    expect(page.locator(item(page, "linear0"))).to_be_visible()


def test_an_unknown_layer_is_told_its_neighbours(visit: Open, address: str) -> None:
    page = visit(f"{address}/?page=layers&run=group/sick&layer=linear99")
    expect(page.locator("#layer_history-caption .notice")).to_contain_text("no layer 'linear99'")
