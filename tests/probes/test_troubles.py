from __future__ import annotations

import logging
from pathlib import Path

import pytest

from probes.troubles import STRIKES, Troubles


@pytest.fixture
def troubles(caplog):
    caplog.set_level(logging.WARNING, "fathom")
    return Troubles(Path("runs/digits"))


def test_each_kind_is_said_once_with_the_run_it_concerns(troubles, caplog):
    for n in range(3):
        troubles.say("disk", f"full {n}")
        troubles.say("scribe", "gone")
    assert caplog.messages == ["fathom: runs/digits: full 0", "fathom: runs/digits: gone"]


def test_what_fails_is_named_with_its_error(troubles, caplog):
    troubles.failed("looking", KeyError("weight"))
    assert "looking failed (KeyError: 'weight'); training goes on" in caplog.text


def test_what_has_not_failed_is_not_hopeless(troubles):
    assert not troubles.hopeless("looking")


def test_what_keeps_failing_is_hopeless_and_said_once(troubles, caplog):
    judged = []
    for _ in range(STRIKES + 1):
        judged.append(troubles.hopeless("looking"))
        troubles.failed("looking", ValueError("again"))
    assert judged == [False] * STRIKES + [True]
    assert not troubles.hopeless("closing")
    assert len(caplog.messages) == 1


def test_a_text_with_percent_signs_is_said_as_it_is(troubles, caplog):
    troubles.say("disk", "100 %s full %d")
    assert "100 %s full %d" in caplog.text
