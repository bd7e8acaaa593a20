"""Mergeable statistics of many rows at once: counts, moments, extremes, and a log2 histogram.

As an accelerator computes them; the processor has `host_moments`. No step here waits for the
device, branches on what lies on it, or rounds below float32: one pass over the bits gives zeros,
signs, NaN, both infinities and the octaves; the moments are taken in float64, where neither the
square of 1e38 overflows nor that of 1e-38 vanishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from probes.recording import BINS, LOWEST_OCTAVE, STATISTICS

COLUMNS = len(STATISTICS) + BINS  # of a reduced row; the norm, which no sample tells, is NaN
NEAR = 0.03  # of the way between its limits: closer than this a function counts as saturated
_HALVES = 1024  # half-octaves: sign, exponent and the mantissa's first bit
_POSITIVE_INFINITY, _NAN = 510, 511  # among the positive half-octaves
_FIRST = 2 * (127 + LOWEST_OCTAVE)  # half-octave at which the first bin begins

Limits = tuple[float, float]


class Reducer:
    """Reduces a flat float32 buffer that holds matrices of given shapes one after another."""

    def __init__(
        self,
        shapes: Sequence[tuple[int, int]],
        limits: Sequence[Limits | None],
        device: torch.device,
    ) -> None:
        self._shapes = list(shapes)
        self._sizes = [rows * width for rows, width in shapes]
        widths = torch.tensor([width for rows, width in shapes for _ in range(rows)], device=device)
        self.rows = len(widths)
        starts = torch.arange(self.rows, dtype=torch.int32, device=device) * _HALVES
        self._starts = torch.repeat_interleave(
            starts, widths, output_size=sum(self._sizes)
        )  # [element]
        self._wide = torch.float32 if device.type == "mps" else torch.float64
        self._norm = torch.full((self.rows, 1), torch.nan, dtype=self._wide, device=device)
        self._ends = _Ends(shapes, limits, device)

    def __call__(self, values: Tensor) -> Tensor:
        """Statistics and histogram of each row, float32 [row, COLUMNS]; counts are exact."""
        halves = self._half_octaves(values)  # [row, 1024]
        positive, negative = halves[:, : _HALVES // 2], halves[:, _HALVES // 2 :]
        both = positive + negative  # [row, 512]
        nan = both[:, _NAN]
        posinf, neginf = positive[:, _POSITIVE_INFINITY], negative[:, _POSITIVE_INFINITY]
        finite = both[:, :_POSITIVE_INFINITY].sum(1)
        zeros = both[:, :2].sum(1)
        negatives = negative[:, 2:_POSITIVE_INFINITY].sum(1)
        count = finite + nan + posinf + neginf
        counts = torch.stack([count, nan, posinf, neginf, zeros, negatives], 1)
        moments, ends = self._moments(values, finite), self._ends(values)
        return torch.cat([counts, moments, self._norm, ends, _octaves(both)], 1).float()

    def _half_octaves(self, values: Tensor) -> Tensor:
        """How many elements of each row share sign, exponent and first bit of the mantissa."""
        codes = (values.view(torch.int32) >> 22).bitwise_and_(_HALVES - 1).add_(self._starts)
        size = self.rows * _HALVES
        # bincount waits for the largest code; adding ones does not.
        bins = torch.zeros(size, dtype=torch.int32, device=values.device)
        ones = torch.ones((), dtype=torch.int32, device=values.device).expand(codes.numel())
        return bins.scatter_add_(0, codes.long(), ones).view(-1, _HALVES)

    def _moments(self, values: Tensor, finite: Tensor) -> Tensor:
        """Mean, standard deviation, least and greatest finite element; NaN where none is."""
        infinity = torch.inf
        wide = torch.nan_to_num(values, 0.0, 0.0, 0.0).to(self._wide)
        mean = self._per_row(wide, lambda rows: rows.sum(1)) / finite
        norm = self._per_row(wide, lambda rows: torch.linalg.vector_norm(rows, dim=1))
        std = (norm.square() / finite - mean.square()).clamp_(min=0).sqrt()
        low = torch.nan_to_num(values, infinity, infinity, infinity)
        high = torch.nan_to_num(values, -infinity, -infinity, -infinity)
        least = self._per_row(low, lambda rows: rows.amin(1)).to(self._wide)
        greatest = self._per_row(high, lambda rows: rows.amax(1)).to(self._wide)
        moments = torch.stack([mean, std, least, greatest], 1)
        return torch.where(finite[:, None] > 0, moments, torch.nan)

    def _per_row(self, values: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
        parts = zip(torch.split(values, self._sizes), self._shapes, strict=True)
        return torch.cat([reduce(part.view(shape)) for part, shape in parts])


class _Ends:
    """How many elements of a row lie near the least and the greatest value of its function."""

    def __init__(
        self,
        shapes: Sequence[tuple[int, int]],
        limits: Sequence[Limits | None],
        device: torch.device,
    ) -> None:
        wide = torch.float32 if device.type == "mps" else torch.float64
        self._nothing = torch.full((len(limits), 2), torch.nan, dtype=wide, device=device)
        self._groups: list[tuple[slice, tuple[int, int], Tensor, Tensor]] = []
        row = start = 0
        for rows, width in shapes:
            bound = [n for n in range(row, row + rows) if limits[n] is not None]
            if bound:
                ends = [near(limit) for limit in limits[row : row + rows] if limit is not None]
                edges = torch.tensor(ends, dtype=torch.float32, device=device)
                stretch = slice(start, start + rows * width)
                at = torch.tensor(bound, device=device)
                self._groups.append((stretch, (rows, width), at - row, edges))
            row, start = row + rows, start + rows * width
        self._bound = torch.tensor(
            [n for n, limit in enumerate(limits) if limit is not None], device=device
        )

    def __call__(self, values: Tensor) -> Tensor:
        if not self._groups:
            return self._nothing
        found = []
        for stretch, shape, rows, edges in self._groups:
            bound = values[stretch].view(shape)[rows]
            low = (bound <= edges[:, :1]).sum(1)
            high = (bound >= edges[:, 1:]).sum(1)
            found.append(torch.stack([low, high], 1))
        return self._nothing.index_copy(0, self._bound, torch.cat(found).to(self._nothing.dtype))


def near(limits: Limits) -> Limits:
    """Up to where, and from where on, a function counts as saturated."""
    low, high = limits
    margin = NEAR * (high - low)
    return low + margin, high - margin


def _octaves(both: Tensor) -> Tensor:
    """The histogram of magnitudes: zeros and the not finite left out, the ends take all beyond."""
    last = _FIRST + 2 * BINS
    octaves = both[:, _FIRST:last].view(-1, BINS, 2).sum(2)
    octaves[:, 0] += both[:, 2:_FIRST].sum(1)
    octaves[:, -1] += both[:, last:_POSITIVE_INFINITY].sum(1)
    return octaves
