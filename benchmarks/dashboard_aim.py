"""The same runs for Aim, as far as its writing allows, by its own Python."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from long_run import scalars

if TYPE_CHECKING:
    from dashboard_data import Case

WRITER = "dashboard_aim_writer.py"
MOST = 200_000  # losses of a run: it writes some thousands a second


def command(python: Path) -> str:
    """Its command line, which is installed beside that Python."""
    return str(python.with_name("aim"))


def is_there(python: Path) -> bool:
    """Whether this Python has Aim."""
    asked = subprocess.run([str(python), "-c", "import aim"], check=False, capture_output=True)
    return asked.returncode == 0


def write_runs(folder: Path, case: Case, python: Path) -> str:
    """All of a case; in words, what was written. Its norms are as sparse as the histograms."""
    folder.mkdir(parents=True)
    asked = folder / "asked.npz"
    steps = np.arange(1, case.steps + 1)[:: -(-case.steps // MOST)]
    losses = [_losses(case, n)[steps - 1] for n in range(case.runs)]
    looks = case.histograms
    np.savez(asked, steps=steps, losses=losses, layers=case.layers, looks=looks)
    subprocess.run([command(python), "init"], cwd=folder, check=True, capture_output=True)
    writer = Path(__file__).with_name(WRITER)
    with (folder / "runs.txt").open("w") as told:
        subprocess.run([str(python), str(writer), str(folder), str(asked)], check=True, stdout=told)
    each = case.layers * len(looks)
    return f"{len(steps):,} losses, {each:,} gradient norms, {each:,} histograms"


def _losses(case: Case, seed: int) -> np.ndarray:
    losses: np.ndarray = scalars(case.steps, 1, case.steps + 1, seed).values
    return losses
