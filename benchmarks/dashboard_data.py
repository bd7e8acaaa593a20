"""The runs that dashboards are shown: made up as long_run's are, and written by the real writer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from long_run import STARTED, begin, segments, summarise, write

from probes.folder import segment_path, write_whole
from probes.recording import segment_image

if TYPE_CHECKING:
    from pathlib import Path

HISTOGRAMS = 500  # of a layer that peers are given: TensorBoard keeps no more of a tag by default


@dataclass(frozen=True)
class Case:
    """A folder of runs, all of one size."""

    name: str
    layers: int
    records: int
    steps: int
    runs: int = 1

    @property
    def told(self) -> str:
        """In words."""
        size = f"{self.layers} layers x {self.records:,} records, {self.steps:,} losses"
        return size if self.runs == 1 else f"{self.runs} runs of {size}"

    @property
    def names(self) -> list[str]:
        """Of the runs in their folder."""
        return ["run"] if self.runs == 1 else [f"run-{n:03d}" for n in range(self.runs)]

    @property
    def recorded(self) -> np.ndarray:
        """The steps at which layers are looked at."""
        return np.unique(np.linspace(1, self.steps, self.records).astype(np.int64))

    @property
    def histograms(self) -> np.ndarray:
        """Those of them whose histograms the peers are given."""
        return self.recorded[:: max(1, self.records // HISTOGRAMS)]


CASES = {
    "a": Case("a", 20, 1_000, 10_000),
    "b": Case("b", 200, 5_000, 1_000_000),
    "c": Case("c", 4, 20, 200, runs=500),
}
QUICK = {
    "a": Case("a", 5, 100, 1_000),
    "b": Case("b", 20, 500, 20_000),
    "c": Case("c", 4, 20, 200, runs=50),
}


def write_runs(folder: Path, case: Case) -> None:
    """All of a case, finished; each has losses and a start of its own."""
    for n, name in enumerate(case.names):
        begun = datetime.fromisoformat(STARTED) + timedelta(minutes=7 * n)
        run = folder / name
        write(run, case.steps, case.layers, case.records, seed=n, started=begun.isoformat())
        last = 0.04 * float(np.exp(0.3 * np.random.default_rng(n).standard_normal()))
        about = {"scalars": {"loss": last}, "updated": begun.timestamp()}
        summarise(run, "finished", case.steps, case.records, **about)


def write_growing(folder: Path, case: Case) -> None:
    """A run under way: all of its records so far, in segments as a scribe leaves them."""
    begin(folder)
    for piece in segments(case.steps, case.layers, case.records):
        write_whole(segment_path(folder, piece.sequence), segment_image(piece))
    summarise(folder, "running", case.steps, case.records)
