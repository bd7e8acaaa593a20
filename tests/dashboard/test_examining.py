from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

import dashboard.examining
from dashboard.examining import Examining
from diagnostics.listing import Listing

ANSWERS = """
import json, sys
for line in sys.stdin:
    folder = json.loads(line)
    if folder == "dies":
        break
    if folder == "sleeps":
        import time
        time.sleep(60)
    told = {"stamp": folder, "verdicts": [], "looked": 1, "trouble": "", "highlights": {}}
    print(json.dumps(told), flush=True)
"""
STANDING_IN = (sys.executable, "-c", ANSWERS)


def wait_until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Desk:
    def __init__(self, **options: Any) -> None:
        self.found: list[tuple[str, Listing, float]] = []
        self.examining = Examining(lambda *told: self.found.append(told), **options)

    def ask(self, *folders: str) -> list[str]:
        self.examining.ask(folders)
        wait_until(lambda: self.examining.is_over)
        return [folder for folder, _, _ in self.found]


def test_a_real_run_is_examined_in_a_process_of_its_own(runs, tmp_path):
    own = shutil.copytree(runs / "sick", tmp_path / "sick")
    desk = Desk()
    assert desk.ask(str(own), str(tmp_path / "gone")) == [str(own), str(tmp_path / "gone")]
    assert desk.found[0][1].verdicts
    assert desk.found[0][2] > 0
    assert (own / "listing.json").exists()
    assert "does not exist" in desk.found[1][1].trouble


def test_one_after_the_other_in_the_order_asked():
    desk = Desk(launch=STANDING_IN)
    assert desk.ask("b", "a", "c") == ["b", "a", "c"]
    assert desk.ask("d") == ["b", "a", "c", "d"]
    assert [listing.stamp for _, listing, _ in desk.found] == ["b", "a", "c", "d"]


def test_nothing_to_do_starts_nothing():
    desk = Desk(launch=("/no/such/program",))
    assert desk.ask() == []


def test_a_run_that_ends_the_process_takes_no_other_with_it():
    desk = Desk(launch=STANDING_IN)
    assert desk.ask("a", "dies", "b") == ["a", "dies", "b"]
    assert [bool(listing.trouble) for _, listing, _ in desk.found] == [False, True, False]


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dashboard.examining, "LONGEST", 0.3)
    desk = Desk(launch=STANDING_IN)
    assert desk.ask("sleeps") == ["sleeps"]
    assert "broke off" in desk.found[0][1].trouble


def test_what_was_asked_last_counts(monkeypatch: pytest.MonkeyPatch):
    desk = Desk(launch=STANDING_IN)
    examining = desk.examining
    examining.ask(["a", *(f"old {n}" for n in range(5_000))])
    assert desk.ask("z")[-1] == "z"
    assert len(desk.found) < 5_000


def test_when_nobody_looks_any_more_nothing_is_begun(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dashboard.examining, "UNSEEN", 0.0)
    assert Desk(launch=STANDING_IN).ask("a", "b") == []
