"""The statistics of `moments`, as the processor computes them: in a few passes by numpy.

Here a call costs more than a row's elements. So no row has a call of its own, but for its
function's limits; one pass counts signs and exponents, and the moments, in float64 here too, are
guarded only where that count has met something that is not finite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.moments import COLUMNS, Limits, near
from probes.recording import BINS, LOWEST_OCTAVE, STATISTICS

_CODES, _NEGATIVE = 512, 256  # of sign and exponent; the first that has a sign
_FIRST = 127 + LOWEST_OCTAVE  # exponent with which the first bin begins
_LAST = _FIRST + BINS
_NOT_FINITE = 255
_PARTS = np.add.outer([0, _NEGATIVE], [0, 1, _FIRST, _LAST, _NOT_FINITE]).ravel()
_SUMS = np.array(  # of those parts, which begin at no sign and at a sign
    [
        [1, 0, 0, 0, 0, 1, 0, 0, 0, 0],  # zeros
        [0, 0, 0, 0, 0, 0, 1, 1, 1, 0],  # negatives
        [0, 1, 0, 0, 0, 0, 1, 0, 0, 0],  # below the bins
        [0, 0, 0, 1, 0, 0, 0, 0, 1, 0],  # beyond them
        [0, 0, 0, 0, 1, 0, 0, 0, 0, 1],  # not finite
    ]
).T  # [part, sum]
_AT = {name: n for n, name in enumerate(STATISTICS)}
_LOST = slice(_AT["nan"], _AT["neginf"] + 1)
_SIGNS = slice(_AT["zeros"], _AT["negatives"] + 1)
_MOMENTS = slice(_AT["mean"], _AT["max"] + 1)
_ENDS = slice(_AT["low"], _AT["high"] + 1)

Elements = NDArray[np.float32]  # [element]
Table = NDArray[np.float32]  # [row, COLUMNS]


class HostReducer:
    """Reduces a flat float32 buffer that holds matrices of given shapes one after another."""

    def __init__(self, shapes: Sequence[tuple[int, int]], limits: Sequence[Limits | None]) -> None:
        widths = np.repeat([width for _, width in shapes], [rows for rows, _ in shapes])
        self._starts, self._widths = np.cumsum(widths) - widths, widths  # [row]
        self._blank = np.full((len(widths), COLUMNS), np.nan, np.float32)
        self._blank[:, _AT["count"]], self._blank[:, _LOST] = widths, 0
        first = np.arange(len(widths), dtype=np.uint32) * np.uint32(_CODES)
        self._first_codes = np.repeat(first, widths)  # [element]
        self._wide = np.empty(len(self._first_codes))  # [element]
        self._codes = self._wide.view(np.uint32)[: len(self._wide)]  # done with before it is filled
        self._bound = list(self._bounds(limits))

    def _bounds(
        self, limits: Sequence[Limits | None]
    ) -> Iterator[tuple[int, slice, np.float32, np.float32]]:
        """The rows whose functions have limits: where they lie, and from where on they are near."""
        for row, limit in enumerate(limits):
            if limit is not None:
                low, high = near(limit)
                start = int(self._starts[row])
                stretch = slice(start, start + int(self._widths[row]))
                yield row, stretch, np.float32(low), np.float32(high)

    def __call__(self, values: Tensor) -> Tensor:
        """Statistics and histogram of each row, float32 [row, COLUMNS]; counts are exact."""
        elements, table = values.numpy(), self._blank.copy()
        with np.errstate(all="ignore"):  # nothing out of nothing is NaN
            lost = self._count(elements, table)
            if lost.any():
                self._measure_finite(elements, lost, table)
            else:
                self._measure(elements, self._widths, table)
                self._find_extremes(elements, elements, table)
            for row, stretch, low, high in self._bound:
                table[row, _ENDS] = (
                    np.count_nonzero(elements[stretch] <= low),
                    np.count_nonzero(elements[stretch] >= high),
                )
        return torch.from_numpy(table)

    def _count(self, elements: Elements, table: Table) -> NDArray[np.int64]:
        """Zeros, negatives and the histogram; how many of each row are not finite."""
        codes = self._coded(elements)
        sums: NDArray[np.int64] = np.add.reduceat(codes, _PARTS, axis=1) @ _SUMS  # [row, sum]
        table[:, _SIGNS] = sums[:, :2]
        bins = table[:, len(STATISTICS) :]
        bins[:] = codes[:, _FIRST:_LAST] + codes[:, _NEGATIVE + _FIRST : _NEGATIVE + _LAST]
        bins[:, :: BINS - 1] += sums[:, 2:4]  # the outer two
        return sums[:, 4]

    def _coded(self, elements: Elements) -> NDArray[np.int64]:
        """How many elements of each row share sign and exponent: [row, 512]."""
        codes, size = self._codes, len(self._starts) * _CODES
        np.right_shift(elements.view(np.uint32), 23, out=codes)
        np.add(codes, self._first_codes, out=codes)
        # numpy's bincount takes twice as long: it makes them wide before it looks at them
        found = torch.bincount(torch.from_numpy(codes.view(np.int32)), minlength=size)
        counts: NDArray[np.int64] = found.view(-1, _CODES).numpy()
        return counts

    def _measure(self, elements: Elements, count: NDArray[np.int64], table: Table) -> None:
        """Mean and standard deviation."""
        wide = self._wide
        np.copyto(wide, elements)
        mean = np.add.reduceat(wide, self._starts) / count
        np.square(wide, out=wide)
        square = np.add.reduceat(wide, self._starts) / count
        table[:, _AT["mean"]] = mean
        table[:, _AT["std"]] = np.sqrt(np.maximum(square - mean * mean, 0))

    def _find_extremes(self, low: Elements, high: Elements, table: Table) -> None:
        """Least and greatest."""
        table[:, _AT["min"]] = np.minimum.reduceat(low, self._starts)
        table[:, _AT["max"]] = np.maximum.reduceat(high, self._starts)

    def _measure_finite(self, elements: Elements, lost: NDArray[np.int64], table: Table) -> None:
        """The same of the finite ones alone, NaN where there are none; and what the others are."""
        finite, there = self._widths - lost, np.isfinite(elements)
        self._measure(np.where(there, elements, np.float32(0)), finite, table)
        infinity = np.float32(np.inf)
        low, high = (np.where(there, elements, end) for end in (infinity, -infinity))
        self._find_extremes(low, high, table)
        table[finite == 0, _MOMENTS] = np.nan
        above, under = (
            np.add.reduceat((elements == end).astype(np.int64), self._starts)
            for end in (infinity, -infinity)
        )
        table[:, _LOST] = np.stack([lost - above - under, above, under], 1)
