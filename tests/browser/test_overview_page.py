"""The first page in a real browser: verdicts, where they began on the loss, what was recorded."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

Open = Callable[[str], Page]

MARKS = """() => document.getElementById("loss_curve-figure")?.data
  ?.find((trace) => trace.name === "error, first seen")"""


def test_the_loss_says_when_each_finding_began(visit: Open, address: str) -> None:
    page = visit(f"{address}/?page=overview&run=group/sick")
    page.wait_for_function(MARKS)
    marks = page.evaluate(f"() => {{ const m = ({MARKS})(); return [[...m.x], m.text]; }}")
    assert marks[0][0] == 1
    assert marks[1][0].strip() == "Vanishing gradient"
    expect(page.locator("#overview-meanwhile")).to_be_hidden()
    expect(page.locator(".verdict > header .seen").first).to_have_text("first seen at step 1")
    expect(page.locator("#recorded h3")).to_have_text(
        ["Settings", "What was recorded", "What it costs", "Where and with what"]
    )


def test_another_run_has_its_own_verdicts_and_no_marks_of_the_last(
    visit: Open, address: str
) -> None:
    page = visit(f"{address}/?page=overview&run=group/sick")
    page.wait_for_function(MARKS)
    page.locator("#chooser").fill("healthy")
    page.locator("#chooser").dispatch_event("change")
    expect(page.locator("#verdicts")).to_contain_text("No findings")
    page.wait_for_function(f"() => !({MARKS})()")


def test_nothing_is_wider_than_a_phone(visit: Open, address: str) -> None:
    page = visit(f"{address}/?page=overview&run=group/sick")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#recorded h3").first).to_be_visible()
    page.wait_for_function(MARKS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
