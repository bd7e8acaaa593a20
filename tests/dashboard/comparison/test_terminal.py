"""A comparison as text and as JSON."""

from __future__ import annotations

import json

from dashboard.comparison.terminal import compared, data, text
from diagnostics.run import Run
from tests.trainings import record
from tests.twins import twin


def test_the_first_thing_said_is_where_they_part() -> None:
    said = text(compared([twin("base"), twin("poked")], "step"))
    head, first, *_ = said.splitlines()
    assert head == "poked against base"
    assert first.strip().startswith("Identical until step 6; at step 7 first the output of 2")
    assert "Settings: none differs of" in said


def test_each_part_is_there() -> None:
    said = text(compared([twin("base"), twin("faster"), twin("shorter")], "tokens"))
    assert "optimizer: lr" in said
    assert "faster against base" in said
    assert "shorter against base" in said
    assert "At the last place that all reached, by tokens seen" in said
    assert "loss, 768" in said  # 8 steps of 96 tokens
    assert "Verdicts" in said


def test_columns_stand_under_one_another() -> None:
    lines = text(compared([twin("base"), twin("faster")], "step")).splitlines()
    (place,) = (n for n, line in enumerate(lines) if line.strip().startswith("optimizer: lr"))
    assert lines[place].index("0.05") == lines[place - 1].index("base")
    assert lines[place].index("0.06") == lines[place - 1].index("faster")


def test_machines_are_told_the_same() -> None:
    found = compared([twin("base"), twin("poked")], "step")
    told = json.loads(json.dumps(data(found), allow_nan=False))
    assert told["runs"] == ["base", "poked"]
    (parted,) = told["partings"]
    assert (parted["first"]["step"], parted["first"]["layer"]) == (7, "2")
    assert parted["layers"][0] == {"layer": "0", "apart": 7, "far": 7}
    assert found.differ
    assert not compared([twin("base"), twin("again")], "step").differ


def test_runs_that_share_nothing_differ_and_say_why(tmp_path) -> None:
    empty = Run(record(tmp_path / "empty", steps=0))
    found = compared([twin("base"), empty], "step")
    assert found.differ
    assert "nothing in common" in text(found)
    assert "nothing in common" in data(found)["partings"][0]["error"]


def test_a_name_cannot_steer_the_terminal(tmp_path) -> None:
    evil = Run(record(tmp_path / "evil\x1b[31m", steps=2))
    assert "\x1b" not in text(compared([twin("base"), evil], "step"))
