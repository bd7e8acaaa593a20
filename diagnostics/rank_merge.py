"""Rows of several ranks as one: exactly as if one process had looked at all the elements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from diagnostics.rank_files import RankFiles
from probes.merging import merged, needed
from probes.recording import BINS, STATISTICS

AT_ONCE = 1 << 22  # rows of all ranks: bounds memory whatever the length of a run


def merged_steps(ranks: Sequence[RankFiles], series: str) -> NDArray[np.int64]:
    """Every step that any rank has looked at."""
    return np.unique(np.concatenate([rank.steps(series) for rank in ranks]))


def merged_column(
    ranks: Sequence[RankFiles], series: str, statistic: str, tensors: list[str]
) -> NDArray[np.float64]:
    """One statistic over all ranks, as [record, tensor]."""
    steps = merged_steps(ranks, series)
    width = max(1, AT_ONCE // max(1, len(ranks) * len(steps)))
    whole = np.full((len(steps), len(tensors)), np.nan)
    for start in range(0, len(tensors), width):
        cut = slice(start, start + width)
        table = _table(ranks, steps, series, (needed(statistic), tensors[cut]))
        looks = table.reshape(len(ranks), table.shape[1] * table.shape[2], len(STATISTICS))
        rows, _ = merged(looks, np.zeros((*looks.shape[:2], 0), np.uint16))
        whole[:, cut] = rows[:, STATISTICS.index(statistic)].reshape(table.shape[1:3])
    return whole


def _table(
    ranks: Sequence[RankFiles],
    steps: NDArray[np.int64],
    series: str,
    wanted: tuple[Sequence[str], list[str]],
) -> NDArray[np.float32]:
    """The statistics wanted, side by side, as [rank, record, tensor, statistic]."""
    statistics, tensors = wanted
    shape = (len(ranks), len(steps), len(tensors), len(STATISTICS))
    table = np.full(shape, np.nan, np.float32)
    for n, rank in enumerate(ranks):
        place = np.searchsorted(steps, rank.steps(series))
        for statistic in statistics:
            values = rank.column(series, statistic, tensors)
            table[n, place, :, STATISTICS.index(statistic)] = values
    return table


def merged_histogram(ranks: Sequence[RankFiles], series: str, tensor: str) -> NDArray[np.int64]:
    """A tensor's histogram over all ranks, as [record, bin]; whole numbers do not saturate."""
    steps = merged_steps(ranks, series)
    total = np.zeros((len(steps), BINS), np.int64)
    for rank in ranks:
        own = np.zeros_like(total)
        own[np.searchsorted(steps, rank.steps(series))] = rank.histogram(series, tensor)
        total += own
    return total
