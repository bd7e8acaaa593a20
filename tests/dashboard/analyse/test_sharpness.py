"""`fathom analyse sharpness`: what it prints and stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.cli import main
from diagnostics.sharpness import Sharpness
from diagnostics.store import load


def test_every_definition_is_told_and_stored(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "sharpness", str(run), "--radius", "0.1", "--draws", "3"]) == 0
    told = capsys.readouterr().out
    found = load(run, Sharpness, "step4_none")
    assert f"rise after SAM's step of 0.1   {found.sam_step:.4g}" in told
    assert f"largest rise found in the ball {found.ball_rise:.4g}" in told
    assert "stored as step4_none" in told


def test_one_draw_has_no_error(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["analyse", "sharpness", str(run), "--draws", "1"])
    assert "1 is not a finite number of 2 or more" in capsys.readouterr().err
