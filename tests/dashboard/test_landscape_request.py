"""Only what is among the choices is ever passed on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from dashboard.cli import _parser
from dashboard.landscape_request import LandscapeRequest, also_of, requested
from diagnostics.run import FathomError

ASKED: dict[str, Any] = {
    "along": "trajectory",
    "target": None,
    "axes": "plane",
    "step": 100,
    "seed": 3,
    "reach": 1.5,
    "resolution": 25,
    "statistics": "re-estimated",
    "also": [],
}
TOWARDS = ASKED | {"along": "towards", "target": 0}


def made(asked: dict[str, Any], *, held_out: bool = True) -> LandscapeRequest:
    return requested(asked, (0, 40, 100), held_out=held_out)


def parsed(asked: dict[str, Any], run: Path = Path("-x; rm")) -> argparse.Namespace:
    return _parser().parse_args(made(asked).command(run))


def test_the_command_line_understands_every_choice() -> None:
    told = parsed(ASKED)
    assert (told.along, told.step, told.seed, told.reach) == ("trajectory", 100, 3, 1.5)
    assert (told.resolution, told.statistics, told.line) == (25, "re-estimated", False)
    assert told.run == Path("-x; rm").absolute()
    assert parsed(ASKED | {"axes": "line"}).line
    for empty in (None, ""):
        assert parsed(ASKED | {"reach": empty}).reach is None
    assert (told.towards, told.held_out, told.by_class) == (None, "", False)


def test_towards_another_snapshot() -> None:
    told = parsed(TOWARDS | {"target": 40, "axes": "line"})
    assert (told.towards, told.towards_run, told.step, told.line) == (40, None, 100, True)
    assert parsed(ASKED | {"target": 40}).towards is None  # left over from another choice


def test_what_else_is_wanted() -> None:
    told = parsed(ASKED | {"also": ["classes", "held-out"]})
    assert (told.held_out, told.by_class) == ("recorded", True)
    assert parsed(ASKED | {"also": ["classes", "classes"]}).held_out == ""
    assert also_of(held_out=True) == ("held-out", "classes")
    assert also_of(held_out=False) == ("classes",)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("along", "--subject=os:system"),
        ("along", None),
        ("along", ["random"]),
        ("axes", "cube"),
        ("step", 7),
        ("step", "100"),
        ("step", True),
        ("step", 100.0),
        ("seed", -1),
        ("seed", 1.5),
        ("seed", 10**9),
        ("seed", "0; rm"),
        ("reach", 0),
        ("reach", -1),
        ("reach", float("nan")),
        ("reach", float("inf")),
        ("reach", "1"),
        ("reach", True),
        ("resolution", 100_000),
        ("statistics", "mine"),
        ("also", None),
        ("also", "classes"),
        ("also", {"classes": True}),
        ("also", ["--subject=os:system"]),
        ("also", [["classes"]]),
        ("also", ["classes"] * 100_000),
        ("target", 100),  # the centre itself
        ("target", 7),
        ("target", None),
        ("target", "40"),
        ("target", 40.0),
        ("target", False),
    ],
)
def test_anything_else_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(FathomError, match=r"no |is no ") as refused:
        made(TOWARDS | {field: value})
    assert len(str(refused.value)) < 200


def test_held_out_data_must_be_in_the_recording() -> None:
    with pytest.raises(FathomError, match=r"no data 'held-out' \(there are: classes\)"):
        made(ASKED | {"also": ["held-out"]}, held_out=False)


def test_a_page_that_sends_nothing_is_refused() -> None:
    with pytest.raises(FathomError, match="directions"):
        made({})
