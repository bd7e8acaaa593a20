"""State, facts and notices: what is known, and nothing that is not."""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from dashboard.markup import to_html
from dashboard.overview import (
    complaint,
    facts,
    known,
    meanwhile,
    moment,
    notice,
    notices,
    state_badge,
    warnings,
)
from diagnostics.listing import Listing, Told
from diagnostics.run import FathomError, Run
from diagnostics.runs import STALE
from probes.folder import hold
from probes.recording import Event
from tests.dashboard.listed import make_run
from tests.dashboard.samples import HOSTILE


@pytest.fixture
def run(runs: Path) -> Run:
    return Run(runs / "healthy")


@pytest.mark.parametrize(
    ("state", "since", "told"),
    [
        ("running", None, "live"),
        ("running", 125, "live · last step 2 min ago"),
        ("stale", 7200, "stale · last step 2 h ago"),
        ("killed", None, "killed"),
        ("odd", None, "odd"),
    ],
)
def test_a_state_is_told_in_words(state: str, since: float | None, told: str) -> None:
    assert to_html(state_badge(state, since)).endswith(f"</span>{told}</span>")


def test_facts_are_those_of_the_recording(run: Run) -> None:
    told = known(run)
    assert (told["Steps"], told["Recorded"]) == ("30", "30 steps")
    assert told["Model"] == "Sequential · 1,972 parameters"
    assert float(told["Last loss"]) == pytest.approx(run.scalar("loss").values[-1], rel=5e-3)
    assert told["Cost of recording"].endswith("% of training time")


def test_what_is_not_known_is_left_out(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "scalar_names", ())
    monkeypatch.setattr(Run, "overhead", None)
    run.info = {"git": None, "model": None}
    assert set(known(run)) == {"Steps", "Recorded"}


def test_a_commit_is_told_by_its_first_digits(run: Run) -> None:
    run.info = {"git": {"commit": "0123456789abcdef"}}
    assert known(run)["Commit"] == "0123456789"


def test_an_exception_that_ended_a_run_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    events = (Event(7, 0.0, "exception", "ValueError: no <b>"), Event(9, 0.0, "resumed", "…"))
    monkeypatch.setattr(Run, "events", events)
    assert "Step 7: ValueError: no <b>" in warnings(run)


def test_few_last_values_are_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = run.scalar("loss")
    monkeypatch.setattr(Run, "scalar_names", tuple("abcdefghi"))
    monkeypatch.setattr(Run, "scalar", lambda *_: loss)
    told = [term for term in known(run) if term.startswith("Last ")]
    assert told == ["Last a", "Last b", "Last c", "Last d"]


def test_a_name_among_the_facts_is_text(run: Run) -> None:
    run.info = {"host": HOSTILE, "model": {"class": HOSTILE}}
    assert "<img" not in to_html(facts(run))


def test_a_sound_run_has_no_notice(run: Run) -> None:
    assert notices(run) is None


@pytest.mark.parametrize(
    ("property_", "value", "told"),
    [
        ("state", "failed", "ended in an exception"),
        ("state", "killed", "ended without a word"),
        ("dropped", 1, "1 row could not be written"),
    ],
)
def test_what_went_wrong_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch, property_: str, value: Any, told: str
) -> None:
    monkeypatch.setattr(Run, property_, value)
    found = notices(run)
    assert found is not None
    assert told in to_html(found)


def test_files_passed_over_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "passed_over", ("r0000-00000003.h5",))
    found = notices(run)
    assert found is not None
    assert "not readable: r0000-00000003.h5" in to_html(found)


def test_our_errors_speak_for_themselves_and_others_are_named() -> None:
    assert complaint(FathomError("no series 'x'")) == "no series 'x'"
    assert complaint(KeyError("x")) == "This part broke: KeyError: 'x'"


def test_a_run_that_lives_and_is_silent_is_stale(tmp_path: Path) -> None:
    folder = make_run(
        tmp_path / "run", state="running", updated=time.time() - STALE - 60, steps=10**9
    )
    assert "killed" in warnings(Run(folder))[0]
    held = hold(folder)
    try:
        assert "it may hang" in warnings(Run(folder))[0]
    finally:
        os.close(held)


def test_how_long_it_took_and_how_fast_it_was(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.info = {"started": "2026-01-02T03:04:05+00:00"}
    began = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc).timestamp()
    monkeypatch.setattr(Run, "summary", {"updated": began + 120})
    assert known(run)["Took"] == "2 min 00 s · 0.25 steps/s"  # of 30 steps
    monkeypatch.setattr(Run, "summary", {})
    assert "Took" not in known(run)


def test_what_was_found_before_is_told_while_the_rules_look(run: Run) -> None:
    assert "Examining 30 recorded steps…" in to_html(meanwhile(run, None))
    found = Listing("", (Told("dead_relu", "error"), Told("plateau", "warning")))
    written = to_html(meanwhile(run, found))
    assert "When last examined: ✕ Dead ReLU, ! Plateau." in written
    assert "no findings" in to_html(meanwhile(run, Listing("", (), looked=3)))
    assert "When last" not in to_html(meanwhile(run, Listing("", trouble="broken")))


def test_a_notice_is_text() -> None:
    assert "<img" not in to_html(notice(HOSTILE))


@pytest.mark.parametrize(
    ("started", "told"),
    [
        ("2026-01-02T03:04:05", "2026-01-02 03:04"),
        ("2026-01-02T03:04:05+01:00", "2026-01-02 03:04"),
        ("yesterday", "yesterday"),
        ("", ""),
    ],
)
def test_a_time_is_as_people_write_it(started: str, told: str) -> None:
    assert moment(started) == told
