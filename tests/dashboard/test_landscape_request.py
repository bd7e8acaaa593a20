"""Only what is among the choices is ever passed on."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from dashboard.cli import _parser
from dashboard.landscape_request import requested, snapshot_steps
from diagnostics.run import FathomError, Run
from tests.dashboard.samples import train

ASKED: dict[str, Any] = {
    "along": "trajectory",
    "axes": "plane",
    "step": 100,
    "seed": 3,
    "reach": 1.5,
    "resolution": 25,
    "statistics": "re-estimated",
}


def parsed(asked: dict[str, Any], run: Path = Path("-x; rm")) -> argparse.Namespace:
    return _parser().parse_args(requested(asked, (0, 100)).command(run))


def test_the_command_line_understands_every_choice() -> None:
    told = parsed(ASKED)
    assert (told.along, told.step, told.seed, told.reach) == ("trajectory", 100, 3, 1.5)
    assert (told.resolution, told.statistics, told.line) == (25, "re-estimated", False)
    assert told.run == Path("-x; rm").absolute()
    assert parsed(ASKED | {"axes": "line"}).line
    for empty in (None, ""):
        assert parsed(ASKED | {"reach": empty}).reach is None


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
    ],
)
def test_anything_else_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(FathomError, match=r"no |is no "):
        requested(ASKED | {field: value}, (0, 100))


def test_a_page_that_sends_nothing_is_refused() -> None:
    with pytest.raises(FathomError, match="directions"):
        requested({}, (0,))


def test_the_snapshots_there_are(tmp_path: Path) -> None:
    run = Run(train(tmp_path / "run", steps=3))
    folder = run.path / "snapshots"
    folder.mkdir(exist_ok=True)
    for name in ("r0000-s000000200.h5", "r0000-s000000010.h5", "r0001-s000000300.h5", "r0000-s1"):
        (folder / name).touch()
    assert snapshot_steps(run)[-2:] == (10, 200)
