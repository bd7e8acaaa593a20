"""What cannot be asked of an analysis, and what is said."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from dashboard.analyse.options import add_reading, sd
from dashboard.cli import main


def test_what_cannot_be_done_is_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyse", "landscape", str(run), "--step", "99"]) == 2
    assert main(["analyse", "landscape", str(run), "--towards", "4"]) == 2
    (run / "program.json").unlink()
    assert main(["analyse", "curvature", str(run)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "no snapshot of step 99" in lines[0]
    assert "Subject(model, loss, batch)" in lines[2]


IMPOSSIBLE = [
    ("landscape", "--seed", "-3"),
    ("landscape", "--tolerance", "nan"),
    ("landscape", "--tolerance", "inf"),
    ("landscape", "--workers", "0"),
    ("curvature", "--count", "0"),
    ("curvature", "--by-layer", "-1"),
    ("connectivity", "--rate", "0"),
    ("connectivity", "--rate", "inf"),
]


def _runs(analysis: str, run: Path) -> list[str]:
    return [str(run)] * (2 if analysis == "connectivity" else 1)


@pytest.mark.parametrize("asked", IMPOSSIBLE)
def test_numbers_that_cannot_be_are_said(
    run: Path, capsys: pytest.CaptureFixture[str], asked: tuple[str, str, str]
) -> None:
    analysis, option, value = asked
    with pytest.raises(SystemExit, match="2"):
        main(["analyse", analysis, *_runs(analysis, run), option, value])
    assert f"argument {option}: {value} is not a finite number of" in capsys.readouterr().err


def test_where_nothing_can_be_kept_nothing_is_computed(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "results").write_text("a file")
    for analysis in ("landscape", "curvature"):
        assert main(["analyse", analysis, str(run)]) == 2
        assert "copy the run to where you may write" in capsys.readouterr().err


def test_predictions_are_read_as_is_asked() -> None:
    parser = argparse.ArgumentParser()
    add_reading(parser)
    asked = parser.parse_args(["--outputs", "one logit", "--noise", "0.5"])
    assert (asked.outputs, asked.noise) == ("one logit", 0.5)
    other = argparse.ArgumentParser()
    add_reading(other, str, "; or a word")
    assert other.parse_args(["--noise", "residuals"]).noise == "residuals"
    assert "noise; or a word" in other.format_help()


@pytest.mark.parametrize("noise", ["0", "-1", "nan", "inf"])
def test_a_standard_deviation_is_above_nought_and_finite(noise: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=noise):
        sd(noise)
