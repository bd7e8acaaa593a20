"""How far an analysis says that it is."""

from __future__ import annotations

import sys

import pytest

from dashboard.analyse.progress import progress


def test_the_time_left_is_by_what_was_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 0.0, 10.0, 10.1, 30.0])
    monkeypatch.setattr("dashboard.analyse.progress.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress("points") as told:
        told(50, 200)  # these were there already
        told(100, 200)
        told(101, 200)  # too soon to say again
        told(200, 200)
    lines = [line.strip() for line in capsys.readouterr().err.split("\r") if line.strip()]
    assert lines == ["100 of 200 points, 20 s left", "200 of 200 points"]


def test_into_a_pipe_goes_a_whole_line_a_second(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter([0.0, 2.0, 2.5, 4.0])
    monkeypatch.setattr("dashboard.analyse.progress.time.monotonic", lambda: next(clock))
    with progress("points") as told:
        told(0, 4)
        told(1, 4)  # too soon to say again
        told(2, 4)
    assert capsys.readouterr().err == "0 of 4 points\n2 of 4 points, 4 s left\n"
