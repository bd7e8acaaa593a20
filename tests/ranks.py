"""Runs of one or several ranks, written by real binders without a training, that tests read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from probes import wire
from probes.binder import Binder
from probes.folder import RUN, create_run
from probes.recording import BINS, LOWEST_OCTAVE, STATISTICS


def counted(values: Any) -> tuple[Any, Any]:
    """Statistics and histogram of some elements, straight from their definitions."""
    values = np.asarray(values, np.float32).astype(np.float64)
    finite = values[np.isfinite(values)]
    row = {
        "count": len(values),
        "nan": np.isnan(values).sum(),
        "posinf": np.isposinf(values).sum(),
        "neginf": np.isneginf(values).sum(),
        "zeros": (finite == 0).sum(),
        "negatives": (finite < 0).sum(),
        "low": (finite <= -0.97).sum(),  # of a function that gives -1 to 1
        "high": (finite >= 0.97).sum(),
        "norm": np.sqrt((values**2).sum()),
        **dict.fromkeys(("mean", "std", "min", "max"), np.nan),
    }
    if len(finite):
        row |= {"mean": finite.mean(), "std": finite.std(), "min": finite.min()}
        row["max"] = finite.max()
    octave = np.floor(np.log2(np.abs(finite[finite != 0]))) - LOWEST_OCTAVE
    histogram = np.bincount(np.clip(octave, 0, BINS - 1).astype(int), minlength=BINS)
    statistics = np.array([row[name] for name in STATISTICS], np.float32)
    if not len(values):
        statistics[1:] = np.nan
    return statistics, histogram.astype(np.uint16)


class Desk:
    """One rank's binder, told by a test what it has seen."""

    def __init__(self, folder: Path, rank: int = 0, names: tuple[str, ...] = ("a", "b")) -> None:
        if not (folder / RUN).exists():
            create_run(folder, {"id": "abc"})
        self.folder, self.said, self._tracks = folder, [], 0
        self.binder = Binder(folder, lambda **status: self.said.append(status), rank)
        rows = [[n, n, "Tanh", "output", "2", "float32", at, True] for at, n in enumerate(names)]
        self.feed(wire.message(series=["activations", "gradients"], keys=["loss"], tensors=rows))

    def feed(self, *frames: bytes) -> None:
        for kind, body in wire.Frames().feed(b"".join(frames)):
            self.binder.add(kind, body)

    def look(self, step: int, seen: dict[int, Any], series: int = 0) -> None:
        """The elements of some tensors, by their number, at a step."""
        statistics, histogram = zip(*(counted(values) for values in seen.values()), strict=True)
        tensors = np.array(list(seen), np.uint32)
        rows = wire.Record(
            series, step, step / 8, tensors, np.array(statistics), np.array(histogram)
        )
        self.feed(wire.record(rows))

    def log(self, step: int, value: float) -> None:
        self.feed(wire.scalar(step, step / 8, 0, value))

    def note(self, step: int, text: str) -> None:
        self.feed(wire.message(event=[step, step / 8, "note", text]))

    def show(self, name: str, step: int, values: Any, about: str = "") -> None:
        """An array, under a track of its own."""
        values = np.asarray(values)
        head = [name, about, values.shape, values.dtype.name]
        self.feed(wire.message(tracks=[head]), wire.array(self._tracks, step, step / 8, values))
        self._tracks += 1

    def write(self) -> None:
        """What has come becomes a segment."""
        self.binder.tick(self.binder._opened + 1000)

    def close(self, state: str = "finished") -> None:
        self.feed(wire.message(state=state))
        self.binder.close()
