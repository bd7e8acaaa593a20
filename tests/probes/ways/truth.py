"""Compares what was recorded with what was true, and says each difference in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import torch
from torch import Tensor

from diagnostics import Run
from tests.probes.ways import Way
from tests.probes.ways.eyes import Rows, Truth

# Series that every recording must have; others for which there is a truth are compared if there.
EXPECTED_SERIES = ("gradients", "weights", "updates", "activations", "activation_gradients")

COUNTS = ("count", "zeros", "nan", "posinf", "neginf", "negatives")
MEASURES = ("mean", "std", "min", "max", "norm")
MISHAPS = ("skipped", "exception", "resumed")  # events of which there are no others than told
TINY = float(np.finfo(np.float32).tiny)


def faults(run: Run, truth: Truth, way: Way, said: list[str]) -> list[str]:
    """All that is wrong with a recording; nothing, if it is right or says what it lacks."""
    missing: list[tuple[str, str, int]] = []
    found = [
        f"no series '{series}' (there are: {', '.join(run.series)})"
        for series in EXPECTED_SERIES
        if series not in run.series and not _may_lack(way, series, "*")
    ]
    found += [
        f"nothing to hold series '{series}' against"
        for series in EXPECTED_SERIES
        if series in run.series and series not in truth.series
    ]
    for series, rows in truth.series.items():
        if series in run.series:
            differences = _Comparison(run, series, truth, rows, way)
            found += differences.wrong()
            missing += differences.missing
    is_said = any(way.says and re.search(way.says, text) for text in said)
    found += [
        f"{series}:{row} at step {step} is missing" + " and not said" * _may_lack(way, series, row)
        for series, row, step in missing
        if not (is_said and _may_lack(way, series, row))
    ]
    return [*found, *_scalars(run, truth), *_sentences(run, way, said)]


def _may_lack(way: Way, series: str, row: str) -> bool:
    return any(fnmatchcase(f"{series}:{row}", pattern) for pattern in way.lacks)


def _sentences(run: Run, way: Way, said: list[str]) -> Iterator[str]:
    events = [(event.step, event.kind) for event in run.events]
    yield from (f"no event {event}" for event in way.events if event not in events)
    for event in events:
        if event[1] in MISHAPS and event not in way.events:
            yield f"there was no {event}"
    for text in said:
        if not (way.says and re.search(way.says, text)):
            yield f"unasked, it said: {text}"


def _scalars(run: Run, truth: Truth) -> Iterator[str]:
    for name, values in truth.scalars.items():
        there = run.scalar(name).values.tolist() if name in run.scalar_names else None
        if there is None or not np.allclose(there, values, rtol=1e-5):
            yield f"scalar {name} is {there}, not {values}"


class _Comparison:
    """One series, step by step and row by row."""

    def __init__(self, run: Run, series: str, truth: Truth, rows: Rows, way: Way) -> None:
        self._series, self._truth, self._rows, self._way = series, truth, rows, way
        self._names = list(run.tensors)
        self._steps = run.steps(series).tolist()
        statistics = (*COUNTS, *MEASURES)
        self._columns = {s: run.column(series, s, self._names) for s in statistics}
        self.missing: list[tuple[str, str, int]] = []

    def wrong(self) -> Iterator[str]:
        steps = sorted({step for step, rows in self._rows.items() if rows})
        if set(self._steps) - set(steps):
            yield f"{self._series} has steps {self._steps}; there were {steps}"
        for step in steps:
            yield from self._wrong_at(step)

    def _wrong_at(self, step: int) -> Iterator[str]:
        true = {row: t for row, t in self._rows[step].items() if any(p.numel() for p in t)}
        there = self._there(step)
        for row in sorted(set(there) - set(true)):
            yield f"{self._series}:{row} has a row at step {step}, and should not"
        for row, tensors in true.items():
            if row in there:
                yield from self._differences(step, row, there[row], numbers(tensors))
            elif self._required(step, row):
                self.missing.append((self._series, row, step))

    def _required(self, step: int, row: str) -> bool:
        of_modules = self._series.startswith("activation")
        return step not in self._truth.skipped and (not of_modules or row in self._truth.leaves)

    def _there(self, step: int) -> dict[str, dict[str, float]]:
        """What was recorded at a step; brackets may hold a key with quotes or without."""
        if step not in self._steps:
            return {}
        at = self._steps.index(step)
        rows = {
            re.sub(r"\['?\"?(.*?)'?\"?\]", r"[\1]", name): {
                statistic: float(column[at, n]) for statistic, column in self._columns.items()
            }
            for n, name in enumerate(self._names)
        }
        return {name: row for name, row in rows.items() if row["count"] > 0}

    def _differences(
        self, step: int, row: str, seen: dict[str, float], true: dict[str, float]
    ) -> Iterator[str]:
        for statistic, value in true.items():
            if statistic == "norm" and np.isnan(seen["norm"]) and not self._is_normed(step):
                continue
            if not self._same(statistic, seen[statistic], value, true):
                yield (
                    f"{self._series}:{row} at step {step}: {statistic} is {seen[statistic]:.9g}, "
                    f"not {value:.9g}"
                )

    def _is_normed(self, step: int) -> bool:
        """Gradients always have a norm, weights at the start; elsewhere it may be left out."""
        return self._series == "gradients" or (self._series == "weights" and step == 1)

    def _same(self, statistic: str, seen: float, value: float, true: dict[str, float]) -> bool:
        if statistic in COUNTS or not np.isfinite(value):
            return seen == value or bool(np.isnan(seen) and np.isnan(value))
        largest = np.nanmax(np.abs([true["min"], true["max"], 0.0]))
        margin = self._way.tolerance * (abs(value) if statistic == "norm" else largest)
        return bool(abs(seen - value) <= margin + TINY)


def numbers(tensors: list[Tensor]) -> dict[str, float]:
    """The statistics of all elements together, the plain way in float64."""
    values = np.concatenate([_flat(tensor) for tensor in tensors])
    finite = values[np.isfinite(values)]
    moments = (finite.mean(), finite.std(), finite.min(), finite.max()) if len(finite) else ()
    zero = np.abs(finite) < TINY
    return {
        "count": len(values),
        "zeros": int(zero.sum()),
        "nan": int(np.isnan(values).sum()),
        "posinf": int((values == np.inf).sum()),
        "neginf": int((values == -np.inf).sum()),
        "negatives": int(((finite < 0) & ~zero).sum()),
        **dict(zip(MEASURES, (*moments, *[np.nan] * 4)[:4], strict=False)),
        "norm": float(np.sqrt((values**2).sum())),
    }


def _flat(tensor: Tensor) -> Any:
    if tensor.is_nested:
        tensor = torch.cat([part.flatten() for part in tensor.unbind()])
    dense = tensor.to_dense() if tensor.layout is not torch.strided else tensor
    if dense.is_complex():
        dense = torch.view_as_real(dense.resolve_conj())
    return dense.double().reshape(-1).numpy()
