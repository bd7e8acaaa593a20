"""Every recorded row of a series, block by block: what an export copies without holding it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from probes.recording import BINS, LOWEST_OCTAVE, STATISTICS
from probes.recording_file import BLOCK, RecordingFile, dataset, reading

if TYPE_CHECKING:
    from diagnostics.rank_files import RankFiles
    from diagnostics.run import Run

__all__ = ["BINS", "LOWEST_OCTAVE", "STATISTICS", "Rows", "looked_at", "rows"]

AT_ONCE = 1 << 18  # rows of all ranks together: bounds memory whatever the length of a run


@dataclass(frozen=True)
class Rows:
    """Some records of some tensors of one series: a whole rectangle."""

    first: int  # the place of its first record among all records of the series
    steps: NDArray[np.int64]  # [record]
    times: NDArray[np.float64]  # [record]
    tensors: tuple[str, ...]  # [tensor]
    statistics: NDArray[np.float32]  # [record, tensor, statistic]
    histogram: NDArray[Any]  # [record, tensor, bin]

    def cut(self, most: int) -> Iterator[Rows]:
        """The same in pieces of at most so many rows, or of one record."""
        many = max(1, most // max(1, len(self.tensors)))
        for start in range(0, len(self.steps), many):
            part = slice(start, start + many)
            yield Rows(
                self.first + start,
                self.steps[part],
                self.times[part],
                self.tensors,
                self.statistics[part],
                self.histogram[part],
            )


def rows(run: Run, series: str) -> Iterator[Rows]:
    """As they were recorded, each tensor's in the order of steps.

    Of several ranks merged, as if one process had looked at it all.
    """
    ranks = _ranks(run, series)
    return _merged(run, ranks, series) if len(ranks) > 1 else _alone(ranks[0], series)


def looked_at(run: Run, series: str) -> tuple[str, ...]:
    """The tensors that a series has rows of, in the order of the forward pass."""
    there = {
        name
        for rank in _ranks(run, series)
        for opened in rank.having(series)
        for name in opened.names(series)
    }
    return tuple(name for name in run.tensors if name in there)


def _ranks(run: Run, series: str) -> list[RankFiles]:
    run.steps(series)  # says which series there are, if this is none of them
    return [rank for rank in run._ranks.values() if series in rank.series]


def _files(rank: RankFiles, series: str) -> list[RecordingFile]:
    """Those with rows of a series, oldest first."""
    return [opened.file for opened in rank._files.values() if series in opened.file.series]


def _names(file: RecordingFile, series: str) -> list[str]:
    return [file.tensors[row].name for row in file.series[series].tensors]


def _alone(rank: RankFiles, series: str) -> Iterator[Rows]:
    first = 0
    for opened in rank.having(series):
        yield from _of_file(opened.file, series, first)
        first += len(opened.file.series[series].steps)


def _of_file(file: RecordingFile, series: str, first: int) -> Iterator[Rows]:
    """In rectangles that lie together in the file."""
    axes = file.series[series]
    names = _names(file, series)
    wide, long = (AT_ONCE // BLOCK, BLOCK) if file.tensor_major else (len(names), 0)
    long = long or max(1, AT_ONCE // max(1, wide))
    with reading(file.path) as opened:
        columns = [
            dataset(opened, f"series/{series}/{each}") for each in ("statistics", "histogram")
        ]
        for t, r in product(_cuts(len(names), wide), _cuts(len(axes.steps), long)):
            statistics, histogram = (_cut(file, values, t, r) for values in columns)
            yield Rows(
                first + r.start,
                axes.steps[r],
                axes.times[r],
                tuple(names[t]),
                file._widened(statistics),
                histogram,
            )


def _cuts(length: int, most: int) -> list[slice]:
    return [slice(start, start + most) for start in range(0, length, max(1, most))]


def _cut(file: RecordingFile, values: Any, tensors: slice, records: slice) -> NDArray[Any]:
    """Some rows, as [record, tensor, …]."""
    if file.tensor_major:
        return np.moveaxis(values[tensors, :, records], 2, 0)
    found: NDArray[Any] = values[records, tensors]
    return found


def _merged(run: Run, ranks: Sequence[RankFiles], series: str) -> Iterator[Rows]:
    """All records of a few tensors at a time."""
    steps = run.steps(series)
    times = _times(ranks, series, steps)
    names = looked_at(run, series)
    width = max(1, AT_ONCE // max(1, len(ranks) * len(steps)))
    for cut in _cuts(len(names), width):
        some = list(names[cut])
        columns = [run.column(series, statistic, some) for statistic in STATISTICS]
        bins = [run.histogram(series, name) for name in some]
        statistics = np.stack(columns, axis=-1).astype(np.float32)
        yield Rows(0, steps, times, tuple(some), statistics, np.stack(bins, axis=1))


def _times(
    ranks: Sequence[RankFiles], series: str, steps: NDArray[np.int64]
) -> NDArray[np.float64]:
    """When the first of the ranks that looked at a step did so."""
    times = np.full(len(steps), np.nan)
    for rank in reversed(ranks):
        for opened in rank.having(series):
            axes = opened.file.series[series]
            times[np.searchsorted(steps, axes.steps)] = axes.times
    return times
