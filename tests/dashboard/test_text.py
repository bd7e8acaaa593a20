"""Verdicts and facts for the terminal and for machines."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from dashboard.text import examination_data, examination_text, info_text, plain
from diagnostics.doctor import Examination
from diagnostics.finding import Evidence, NotEnough
from diagnostics.run import Run
from tests.dashboard.samples import HOSTILE, make_finding

SICK = Examination("run", (make_finding(),), (), ())
UNDECIDED = (("dead_relu", NotEnough("no activations")),)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(runs: Path) -> Run:
    return Run(runs / "sick")


def test_text_keeps_the_lines_of_code(run: Run) -> None:
    text = examination_text(run, SICK)
    assert "\n  remedy  Start larger:\n              for layer in layers:\n" in text
    assert "\n                  kaiming_normal_(layer.weight)" in text
    assert "0.21   below 0.7" in text


def test_a_name_cannot_steer_the_terminal() -> None:
    assert plain("a\x1b[2Jb") == "a\ufffd[2Jb"


def test_no_field_of_a_finding_steers_the_terminal(run: Run) -> None:
    bad = "a\x1b[2J\x07"
    finding = make_finding(
        symptom=bad, cause=bad, disease=bad, remedy=bad, layers=(bad,),
        evidence=(Evidence(bad, 1.0, 2.0, "below"),),
    )  # fmt: skip
    text = examination_text(run, Examination("run", (finding,), ((bad, NotEnough(bad)),), (bad,)))
    assert text.count("\ufffd") >= 16
    assert not {"\x1b", "\x07"} & set(text)


def test_a_long_sentence_is_wrapped(run: Run) -> None:
    told = Examination("run", (make_finding(symptom="word " * 60),), (), ())
    assert max(map(len, examination_text(run, told).splitlines())) <= 92


def test_what_is_sound_and_what_could_not_be_judged(run: Run) -> None:
    text = examination_text(run, Examination("run", (), UNDECIDED, ("bad_init_scale",)))
    assert "✓ no findings" in text
    assert "Looked and found nothing: Bad initialisation scale" in text
    assert "Could not judge:\n  Dead ReLU, because no activations" in text


def test_only_a_terminal_gets_colours(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in examination_text(run, SICK)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert "\x1b[31;1m✕ error: Vanishing gradient\x1b[0m" in examination_text(run, SICK)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in examination_text(run, SICK)


def test_machines_are_told_the_same(run: Run) -> None:
    told = examination_data(run, Examination("run", (make_finding(),), UNDECIDED, ("sound",)))
    assert (told["state"], told["passed"]) == ("finished", ["sound"])
    assert told["undecided"] == [{"rule": "dead_relu", "reason": "no activations"}]
    assert told["findings"][0]["steps"] == [0, 4000]


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_json_has_names_for_what_json_does_not_know(run: Run, value: float) -> None:
    finding = make_finding(evidence=(Evidence("norm", value, 1.0, "above"),))
    told = examination_data(run, Examination("run", (finding,), (), ()))
    read = json.loads(json.dumps(told, allow_nan=False))
    assert read["findings"][0]["evidence"][0]["value"] == str(value)


def test_facts_stand_in_one_column(run: Run) -> None:
    title, *lines = info_text(run).splitlines()
    assert title == "sick  finished, 30 steps"
    assert len({re.match(r"  \w[\w ]*?  +", line).end() for line in lines}) == 1
    assert re.search(r"^  Scalars +loss$", "\n".join(lines), re.MULTILINE)


def test_what_is_missing_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "passed_over", (HOSTILE + "\x1b",))
    assert f"  ! Passed over, not readable: {HOSTILE}\ufffd" in info_text(run).splitlines()
