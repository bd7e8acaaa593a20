"""The page of all runs: found, sorted, chosen, tagged; what an address says of it is restored."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote_plus, urlparse

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from diagnostics.listing import Listing, Told, keep, stamp
from diagnostics.runs import read_summary
from diagnostics.tags import add_tag, read_tags
from probes.folder import hold
from tests.browser.conftest import Open, Serve, serving
from tests.dashboard.listed import make_run, write
from tests.dashboard.samples import HOSTILE

pytestmark = pytest.mark.browser

ODD = f"odd/{HOSTILE[:4]}"
TAG = HOSTILE[:39]
SLOW = 15_000  # milliseconds; much longer than it takes


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of every kind; the later in this list, the later started."""
    root = tmp_path_factory.mktemp("listed")
    kinds = [
        ("a", [4.0, 3.0], "finished", ()),
        ("sweep/b", [9.0, 0.01], "failed", (("lr_too_high", "error"), ("dead_units", "warning"))),
        ("sweep/c", [5.0, float("nan")], "finished", (("label_noise", "hint"),)),
        ("d", [2.0, 1.5], "finished", (("dead_units", "warning"),)),
    ]
    for day, (name, loss, state, verdicts) in enumerate(kinds, 1):
        run = make_run(root / name, loss, state=state, started=f"2026-01-0{day}T00:00:00+00:00")
        told = tuple(Told(disease, severity) for disease, severity in verdicts)
        keep(run, Listing(stamp(read_summary(run)), told, 9))
    hostile = make_run(root / ODD, model={"class": HOSTILE})
    keep(hostile, Listing(stamp(read_summary(hostile)), (), 9))
    add_tag(hostile, TAG)
    (root / "torn").mkdir()
    (root / "torn/run.json").write_text("{")
    return root


@pytest.fixture(scope="module")
def site(root: Path) -> Iterator[str]:
    with serving(root) as site:
        yield site


def names(page: Page) -> list[str]:
    return page.locator(".run-row").evaluate_all("rows => rows.map(row => row.dataset.name)")


def row(page: Page, name: str) -> Locator:
    return page.locator(f'.run-row[data-name="{name}"]')


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlparse(page.url).query)


def test_every_run_is_a_row_with_what_is_known_of_it(site: str, visit: Open) -> None:
    page = visit(f"{site}/?page=runs")
    expect(page.locator(".runs-count")).to_have_text("6 runs", timeout=SLOW)
    assert names(page)[:4] == ["d", "sweep/c", "sweep/b", "a"]
    assert set(names(page)[4:]) == {ODD, "torn"}
    failed = row(page, "sweep/b")
    expect(failed.locator(".run-state")).to_have_text("failed")
    expect(failed.locator(".badge .words")).to_have_text(["Learning rate too high", "Dead units"])
    expect(failed.locator(".group")).to_have_text("sweep/")
    expect(failed.locator(".loss .last")).to_have_text("0.01")
    expect(row(page, "sweep/c").locator(".loss .last")).to_have_text("NaN")
    expect(row(page, "sweep/c").locator(".curve rect")).to_have_count(1)
    expect(row(page, "a").locator(".sound")).to_have_text("✓no findings")
    expect(row(page, "torn").locator(".reason")).to_contain_text("cannot be read")
    odd = row(page, ODD)  # texts are shown letter by letter
    expect(odd.locator(".tag-name")).to_have_text(TAG)
    expect(odd.locator("td.model .model-name")).to_have_text(HOSTILE)
    assert page.locator("#runs-place img").count() == 0
    assert page.title() == "Runs · Fathom"
    row(page, "sweep/b").locator("a.name").click()
    expect(page.locator("#runs-place")).to_have_count(0)
    assert (query(page)["page"], query(page)["run"]) == (["overview"], ["sweep/b"])


def test_filter_order_and_choice_are_in_the_address_and_come_back(site: str, visit: Open) -> None:
    page = visit(f"{site}/?page=runs")
    expect(page.locator(".run-row").first).to_be_visible(timeout=SLOW)
    page.keyboard.press("/")
    page.keyboard.type("state:finished -odd")
    expect(page.locator(".runs-count")).to_have_text("3 of 6 runs")
    page.locator("th[data-key=loss] button").click()
    assert names(page) == ["d", "a", "sweep/c"]  # what is no number comes last …
    page.locator("th[data-key=loss] button").click()
    assert names(page) == ["a", "d", "sweep/c"]  # … whichever way
    expect(page.locator("th[data-key=loss]")).to_have_attribute("aria-sort", "descending")
    for name in ("d", "a"):
        row(page, name).locator(".choose").click()
    expect(page.locator(".bar-compare")).to_have_text("Compare (2)")
    assert query(page) | {"theme": []} == {
        "page": ["runs"],
        "filter": ["state:finished -odd"],
        "sort": ["-loss"],
        "chosen": ["d", "a"],
        "theme": [],
    }
    again = visit(page.url)
    expect(again.locator(".runs-count")).to_have_text("3 of 6 runs", timeout=SLOW)
    assert names(again) == ["a", "d", "sweep/c"]
    assert again.locator(".runs-filter").input_value() == "state:finished -odd"
    expect(row(again, "a")).to_have_class(re.compile(r"\bchosen\b"))
    again.locator(".bar-compare").click()
    expect(again.locator("#runs-place")).to_have_count(0)
    there = query(again)
    assert (there["page"], there["run"], there["with"]) == (["compare"], ["d"], ["a"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("SWEEP", {"sweep/b", "sweep/c"}),
        ("dead", {"d", "sweep/b"}),
        ("verdict:dead_units state:failed", {"sweep/b"}),
        ("verdict:error", {"sweep/b"}),
        ("loss<2", {"d", "sweep/b", ODD}),
        ("loss>=1.5 loss<4", {"a", "d"}),
        ("state:unreadable", {"torn"}),
        ('tag:"<img src=x"', {ODD}),
        ("nothing like it", set()),
    ],
)
def test_words_of_the_filter(site: str, shared: Page, words: str, found: set[str]) -> None:
    shared.locator(".runs-filter").fill(words)
    expect(shared).to_have_url(re.compile(re.escape(f"filter={quote_plus(words)}")))
    expect(shared.locator(".runs-count")).to_have_text(f"{len(found)} of 6 runs")
    expect(shared.locator(".runs-none")).to_be_visible(visible=not found)
    assert set(names(shared)) == found


@pytest.fixture(scope="module")
def shared(site: str, browser: Browser) -> Iterator[Page]:
    """One page for many filters."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site}/?page=runs")
    expect(page.locator(".runs-count")).to_have_text("6 runs", timeout=SLOW)
    yield page
    context.close()


def test_the_keyboard_moves_chooses_and_opens(site: str, visit: Open) -> None:
    page = visit(f"{site}/?page=runs&filter=state:finished")
    expect(page.locator(".run-row")).to_have_count(4, timeout=SLOW)
    for key in ("ArrowDown", "ArrowDown", "x", "j", " ", "k"):
        page.keyboard.press(key)
    assert query(page)["chosen"] == names(page)[1:3]
    expect(page.locator(".run-row:focus")).to_have_attribute("data-name", names(page)[1])
    second = names(page)[1]
    page.keyboard.press("Enter")
    expect(page.locator("#runs-place")).to_have_count(0)
    assert query(page)["run"] == [second]


def test_tags_are_given_shown_and_taken_off(site: str, visit: Open, root: Path) -> None:
    page = visit(f"{site}/?page=runs")
    expect(page.locator(".run-row").first).to_be_visible(timeout=SLOW)
    row(page, "a").hover()
    row(page, "a").locator(".tag-add").click()
    page.keyboard.type("<i>mine</i>")
    page.keyboard.press("Enter")
    expect(row(page, "a").locator(".tag-name")).to_have_text("<i>mine</i>")
    assert read_tags(root / "a") == ("<i>mine</i>",)
    row(page, "a").locator(".tag-name").click()
    expect(page.locator(".runs-count")).to_have_text("1 of 6 runs")
    row(page, "a").locator(".tag-off").click()
    expect(page.locator(".runs-none")).to_be_visible()
    assert read_tags(root / "a") == ()


def test_what_happens_to_a_run_is_seen(visit: Open, serve: Serve, tmp_path: Path) -> None:
    run = make_run(tmp_path / "live", state="running", updated=time.time(), steps=5)
    held = hold(run)
    page = visit(f"{serve(tmp_path)}/?page=runs")
    expect(row(page, "live").locator(".run-state")).to_have_text("live", timeout=SLOW)
    told = json.loads((run / "summary.json").read_text())
    write(run / "summary.json", told | {"state": "finished", "steps": 1234})
    make_run(tmp_path / "second")
    expect(page.locator(".runs-count")).to_have_text("2 runs", timeout=SLOW)
    expect(row(page, "live").locator("td.steps")).to_have_text("1,234")
    expect(row(page, "live").locator(".run-state")).to_have_text("finished")
    os.close(held)


def test_on_a_phone_runs_are_cards_and_nothing_is_cut_off(shared: Page) -> None:
    shared.set_viewport_size({"width": 390, "height": 844})
    shared.locator(".runs-filter").fill("")
    expect(shared.locator(".runs-count")).to_have_text("6 runs")
    expect(shared.locator(".runs-table thead")).to_be_hidden()
    assert shared.evaluate("document.documentElement.scrollWidth") <= 390
    shared.locator(".runs-order").select_option("name")
    assert names(shared)[:2] == ["a", "d"]
