"""Recordings written row by row with the real writer: what no training shows within a second."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnostics import Run
from probes.folder import FORMAT, RUN, SEGMENTS, VERSION
from probes.recording import (
    BINS,
    STATISTICS,
    Event,
    Scalars,
    Segment,
    Series,
    TensorInfo,
    Track,
    segment_image,
)

PLAIN = {"count": 100.0, "mean": 0.0, "std": 1.0, "min": -1.0, "max": 1.0, "norm": 10.0}
Rows = Mapping[str, Mapping[str, Any]]  # of each tensor its statistics, one or [t]


def tensor(name: str, role: str, shape: str, kind: str = "Linear", **others: Any) -> TensorInfo:
    """A parameter, or a module's output; depth is settled by `written`."""
    module = name.rpartition(".")[0] if role != "output" else name.partition("[")[0]
    told = {"dtype": "float32", "depth": 0, "trainable": role != "output"}
    return TensorInfo(name, module, kind, role, shape, **(told | others))


def layer(name: str, shape: str, kind: str = "Linear", **others: Any) -> list[TensorInfo]:
    """A weight matrix and its layer's output."""
    output = tensor(name, "output", f"16x{shape.split('x', maxsplit=1)[0]}", kind, **others)
    return [tensor(f"{name}.weight", "matrix", shape, kind), output]


def written(
    path: Path,
    tensors: Sequence[TensorInfo] = (),
    series: Mapping[str, Rows] | None = None,
    *,
    steps: Sequence[int] = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10),
    scalars: Mapping[str, Sequence[float]] | None = None,
    arrays: Mapping[str, tuple[str, Sequence[int], Any]] | None = None,
    events: Sequence[tuple[int, str, Any]] = (),
) -> Run:
    """A finished run of one segment; scalars are logged once a step from 1 on."""
    folder = path / "run"
    (folder / SEGMENTS).mkdir(parents=True)
    (folder / RUN).write_text(json.dumps({"format": FORMAT, "version": VERSION}))
    order = list(dict.fromkeys(t.module for t in tensors))
    placed = tuple(TensorInfo(**(vars(t) | {"depth": order.index(t.module)})) for t in tensors)
    at, names = np.array(steps, np.int64), [t.name for t in placed]
    segment = Segment(
        run="run",
        sequence=0,
        dropped=0,
        tensors=placed,
        keys=tuple(scalars or ()),
        scalars=_scalars(scalars or {}),
        series={name: _series(at, names, rows) for name, rows in (series or {}).items()},
        events=tuple(Event(step, 0.0, kind, json.dumps(text)) for step, kind, text in events),
        tracks=tuple(_track(name, *told) for name, told in (arrays or {}).items()),
    )
    (folder / SEGMENTS / "r0000-00000000.h5").write_bytes(segment_image(segment))
    return Run(folder)


def _series(steps: NDArray[np.int64], names: list[str], rows: Rows) -> Series:
    """Statistics that are not given are those of a plain tensor, or nothing."""
    statistics = np.zeros((len(steps), len(rows), len(STATISTICS)), np.float32)
    bins = np.zeros((len(steps), len(rows), BINS), np.uint16)
    for n, told in enumerate(rows.values()):
        for m, statistic in enumerate(STATISTICS):
            statistics[:, n, m] = told.get(statistic, PLAIN.get(statistic, 0.0))
        if "low" not in told:
            statistics[:, n, STATISTICS.index("low") :] = np.nan
        bins[:, n] = told.get("histogram", 0)
    places = np.array([names.index(name) for name in rows], np.uint32)
    return Series(steps, steps.astype(float), places, statistics, bins)


def _scalars(scalars: Mapping[str, Sequence[float]]) -> Scalars:
    values = [np.asarray(told, float) for told in scalars.values()]
    steps = [np.arange(1, len(told) + 1) for told in values]
    keys = [np.full(len(told), n, np.uint32) for n, told in enumerate(values)]
    if not values:
        nothing = np.empty(0)
        return Scalars(nothing.astype(np.int64), nothing, nothing.astype(np.uint32), nothing)
    whole = np.concatenate(steps)
    return Scalars(whole, whole.astype(float), np.concatenate(keys), np.concatenate(values))


def _track(name: str, about: str, steps: Sequence[int], values: Any) -> Track:
    at = np.array(steps, np.int64)
    return Track(name, about, at, at.astype(float), np.asarray(values, np.float32))


STUCK = [1.0] * 40  # a loss that nothing happens to
LEARNT = list(np.geomspace(1.0, 1e-3, 40))
