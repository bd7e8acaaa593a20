"""What the first page shows is known before anyone asks; what cannot be read harms nobody."""

from __future__ import annotations

from pathlib import Path

from dashboard.figures import loss_curve
from dashboard.open_runs import OpenRuns
from dashboard.warming import warm
from tests.dashboard.samples import train


def test_the_latest_run_is_read_ahead(tmp_path: Path) -> None:
    train(tmp_path / "run", steps=3)
    runs = OpenRuns(tmp_path)
    warm(runs).join(30)
    assert [what for _, what in runs._known] == [loss_curve.PANEL.name]


def test_no_run_and_a_broken_one_are_left_to_whoever_comes(tmp_path: Path) -> None:
    runs = OpenRuns(tmp_path)
    warm(runs).join(30)
    (train(tmp_path / "run", steps=3) / "recording.h5").write_bytes(b"damaged")
    warm(runs).join(30)
    assert not runs._known
