"""The first page: ways to the pictures, what it consists of, and what it does not send twice."""

from __future__ import annotations

import re
from pathlib import Path

from dashboard.app import build
from dashboard.pages.overview import layout, places
from dashboard.panel import panels
from tests.dashboard.samples import HOSTILE


def test_every_picture_has_a_place_on_its_page() -> None:
    told = places("a/b")
    assert told["gradient_flow"] == ("Gradient flow", "?page=layers&run=a/b#gradient_flow")
    assert told["loss_curve"][1] == "?page=overview&run=a/b#loss_curve"
    assert set(told) == {panel.name for panel in panels()}


def test_a_name_in_a_place_stays_in_its_place() -> None:
    assert not re.search(r"[<>\"]", places(HOSTILE)["gradient_flow"][1])


def test_all_that_is_told_to_the_page_is_on_it(runs: Path) -> None:
    there = set(re.findall(r"id='([^']+)'", repr(layout())))
    assert {"verdicts", "loss_curve", "facts", "recorded"} <= there
    wanted = set()
    for callback in build(runs).callback_map:
        named = re.findall(r"([\w-]+)\.\w+", callback)
        if any(name in there for name in named):
            wanted |= set(named)
    assert {"notices", "overview-judged", "overview-counted"} <= wanted <= there
