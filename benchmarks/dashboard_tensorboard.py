"""The same runs for TensorBoard, with the records that `add_scalar` and `add_histogram` write.

A loss at every step, and of each layer the norm of its weight's gradient at every record and that
gradient's histogram at some; Fathom's own recordings hold four kinds and three tensors a layer.
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from long_run import COUNT, scalars

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dashboard_data import Case

SIZE = 1e-2  # of a gradient's elements
LIMITS = np.geomspace(1e-12, 1e20, 775)  # its writers' buckets: each a tenth larger


def write_runs(folder: Path, case: Case) -> str:
    """All of a case; in words, what was written."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    for n, name in enumerate(case.names):
        (folder / name).mkdir(parents=True)
        began = int(time.time()) + n
        path = folder / name / f"events.out.tfevents.{began}.here.1.{n}"
        with path.open("wb") as file:
            writer = RecordWriter(file)
            writer.write(Event(wall_time=began, file_version="brain.Event:2").SerializeToString())
            for event in events(case, seed=n, began=began):
                writer.write(event.SerializeToString())
    return counts(case)


def counts(case: Case) -> str:
    """Of one run."""
    norms, histograms = case.layers * len(case.recorded), case.layers * len(case.histograms)
    return f"{case.steps:,} losses, {norms:,} gradient norms, {histograms:,} histograms"


def events(case: Case, seed: int, began: float) -> Iterator[Any]:
    """In the order in which a training would write them."""
    from tensorboard.compat.proto.event_pb2 import Event

    losses = scalars(case.steps, 1, case.steps + 1, seed).values
    recorded, kept = set(case.recorded.tolist()), set(case.histograms.tolist())
    drawn = np.random.default_rng(seed)
    for step, loss in enumerate(losses.tolist(), start=1):
        about = {"step": step, "wall_time": began + step / 100}
        yield Event(summary=scalar("loss", loss), **about)
        if step not in recorded:
            continue
        for layer, eighths in enumerate(drawn.normal(0, 1.2, case.layers).round().tolist()):
            tag, size = f"blocks.{layer}.weight", SIZE * 2 ** (eighths / 8)
            yield Event(summary=scalar(f"norm/{tag}", 64 * size), **about)
            if step in kept:
                yield Event(summary=histogram(f"gradients/{tag}", int(eighths)), **about)


def scalar(tag: str, value: float) -> Any:
    """As `add_scalar` writes it."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value)])


def histogram(tag: str, eighths: int) -> Any:
    """As `add_histogram` writes it."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, histo=buckets(eighths))])


@cache
def buckets(eighths: int) -> Any:
    """Of a normal's elements, so many eighths of an octave off the usual size."""
    from tensorboard.compat.proto.summary_pb2 import HistogramProto

    values = SIZE * 2 ** (eighths / 8) * np.random.default_rng(0).standard_normal(COUNT)
    limits = np.concatenate([-LIMITS[::-1], [0.0], LIMITS])
    found, edges = np.histogram(values, limits)
    first, last = np.flatnonzero(found)[[0, -1]]
    return HistogramProto(
        min=values.min(),
        max=values.max(),
        num=COUNT,
        sum=values.sum(),
        sum_squares=values @ values,
        bucket_limit=edges[first : last + 2].tolist(),
        bucket=[0, *found[first : last + 1].tolist()],
    )
