"""Mergeable statistics of many rows at once: counts, moments, extremes, and a log2 histogram.

No step here waits for the device, branches on data, or rounds below float32: one pass over the
bits gives zeros, signs, NaN, both infinities and the octaves; the moments are taken in float64,
where neither the square of 1e38 overflows nor that of 1e-38 vanishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from probes.recording import BINS, LOWEST_OCTAVE, STATISTICS

SAMPLED = STATISTICS.index("norm")  # those before it are of the sample, the norm of the whole
_HALVES = 1024  # half-octaves: sign, exponent and the mantissa's first bit
_POSITIVE_INFINITY, _NAN = 510, 511  # among the positive half-octaves
_FIRST = 2 * (127 + LOWEST_OCTAVE)  # half-octave at which the first bin begins


class Reducer:
    """Reduces a flat float32 buffer that holds matrices of given shapes one after another."""

    def __init__(self, shapes: Sequence[tuple[int, int]], device: torch.device) -> None:
        self._shapes = list(shapes)
        self._sizes = [rows * width for rows, width in shapes]
        widths = torch.tensor([width for rows, width in shapes for _ in range(rows)], device=device)
        self.rows = len(widths)
        starts = torch.arange(self.rows, dtype=torch.int32, device=device) * _HALVES
        self._starts = torch.repeat_interleave(
            starts, widths, output_size=sum(self._sizes)
        )  # [element]
        self._wide = torch.float32 if device.type == "mps" else torch.float64

    def __call__(self, values: Tensor) -> Tensor:
        """Statistics and histogram of each row, float32 [row, SAMPLED + BINS]; counts are exact."""
        halves = self._half_octaves(values)  # [row, 1024]
        positive, negative = halves[:, : _HALVES // 2], halves[:, _HALVES // 2 :]
        both = positive + negative  # [row, 512]
        finite = both[:, :_POSITIVE_INFINITY].sum(1)
        nan = both[:, _NAN]
        posinf, neginf = positive[:, _POSITIVE_INFINITY], negative[:, _POSITIVE_INFINITY]
        zeros = both[:, :2].sum(1)
        negatives = negative[:, 2:_POSITIVE_INFINITY].sum(1)
        count = finite + nan + posinf + neginf
        counts = torch.stack([count, nan, posinf, neginf, zeros, negatives], 1)
        return torch.cat([counts, self._moments(values, finite), _octaves(both)], 1).float()

    def _half_octaves(self, values: Tensor) -> Tensor:
        """How many elements of each row share sign, exponent and first bit of the mantissa."""
        codes = (values.view(torch.int32) >> 22).bitwise_and_(_HALVES - 1).add_(self._starts)
        size = self.rows * _HALVES
        if values.device.type == "cpu":
            return torch.bincount(codes, minlength=size).view(-1, _HALVES)
        # On an accelerator bincount waits for the largest code; adding ones does not.
        bins = torch.zeros(size, dtype=torch.int32, device=values.device)
        ones = torch.ones((), dtype=torch.int32, device=values.device).expand(codes.numel())
        return bins.scatter_add_(0, codes.long(), ones).view(-1, _HALVES)

    def _moments(self, values: Tensor, finite: Tensor) -> Tensor:
        """Mean, standard deviation, least and greatest finite element; NaN where none is."""
        infinity = torch.inf
        clean = torch.nan_to_num(values, 0.0, 0.0, 0.0).to(self._wide)
        mean = self._per_row(clean, lambda rows: rows.sum(1)) / finite
        norm = self._per_row(clean, lambda rows: torch.linalg.vector_norm(rows, dim=1))
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


def _octaves(both: Tensor) -> Tensor:
    """The histogram of magnitudes: zeros and the not finite left out, the ends take all beyond."""
    last = _FIRST + 2 * BINS
    octaves = both[:, _FIRST:last].view(-1, BINS, 2).sum(2)
    octaves[:, 0] += both[:, 2:_FIRST].sum(1)
    octaves[:, -1] += both[:, last:_POSITIVE_INFINITY].sum(1)
    return octaves
