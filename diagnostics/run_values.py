"""What each run ended with and the best it ever had, of everything that was logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diagnostics.comparison import distinct_names
from diagnostics.run import Run
from diagnostics.scalar_names import is_score


@dataclass(frozen=True)
class Value:
    """NaN where a value is no number."""

    last: float
    best: float  # the largest of a score, the least of anything else
    best_step: int  # -1 where there was no number


@dataclass(frozen=True)
class ValueRow:
    """One logged quantity; None for a run that has not logged it."""

    name: str
    is_score: bool  # more of it is better
    values: tuple[Value | None, ...]  # [run]

    @property
    def winner(self) -> int:
        """The run whose best is best; -1 where there is none, or several."""
        bests = [np.nan if value is None else value.best for value in self.values]
        known = np.array(bests) if self.is_score else -np.array(bests)
        if np.isnan(known).sum() > len(known) - 2:
            return -1
        top = np.flatnonzero(known == np.nanmax(known))
        return int(top[0]) if len(top) == 1 else -1


@dataclass(frozen=True)
class RunValues:
    """Rows that several runs share come first."""

    runs: tuple[str, ...]
    rows: tuple[ValueRow, ...]


def run_values(runs: Sequence[Run]) -> RunValues:
    """Of every name that any of the runs has logged."""
    names = dict.fromkeys(name for run in runs for name in run.logged)
    rows = [
        ValueRow(name, is_score(name), tuple(_value(run, name) for run in runs)) for name in names
    ]
    missing = {row.name: sum(value is None for value in row.values) for row in rows}
    return RunValues(distinct_names(runs), tuple(sorted(rows, key=lambda row: missing[row.name])))


def _value(run: Run, name: str) -> Value | None:
    if name not in run.logged:
        return None
    told = run.scalar(name)
    known = np.isfinite(told.values)
    if not known.any():
        return Value(np.nan, np.nan, -1)
    better = np.where(known, told.values if is_score(name) else -told.values, -np.inf)
    place = int(better.argmax())
    return Value(float(told.values[-1]), float(told.values[place]), int(told.steps[place]))
