"""The numbers that `batches` tells: of scale, columns, rows that come again, classes, token ids.

The same operations serve host and device: their shapes follow from the batch's shape alone, never
from its values, and what comes out is a float on the host and a 0-d tensor on a device.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

RECENT = 4  # batches in whose rows this one's are looked for
MET = 1 << 16  # of training's rows so many are kept in mind
LEAST = 12.0  # rows that would have been met on average, before their lack tells passes apart
LESSER = 0.1  # of the others' share: passes that meet so few rows are of other data
CLASSES = 1 << 18  # class numbers are told apart up to here

Number = Any  # a float on the host, a 0-d tensor on a device
Numbers = dict[str, Number]


def scale(name: str, values: Tensor) -> Numbers:
    """Moments of the finite elements of a sample, and the share of the others."""
    clean, low, high, count = _finite(values)
    flat = clean.reshape(-1)
    mean = _ratio(_host(flat.sum()), count)
    square = _ratio(_host(torch.dot(flat, flat)), count)
    nothing = mean - mean  # 0, or NaN where no element is finite
    return {
        f"{name}_mean": mean,
        f"{name}_std": _root(square - mean * mean),
        f"{name}_rms": _root(square),
        f"{name}_min": _host(low) + nothing,
        f"{name}_max": _host(high) + nothing,
        f"{name}_nonfinite": (values.numel() - count) / values.numel(),
    }


def _finite(values: Tensor) -> tuple[Tensor, Tensor, Tensor, Number]:
    """The values with zeros for what is not finite; of the rest the least, greatest, and count."""
    if _sound(values):
        return values, *values.aminmax(), float(values.numel())
    finite = values.isfinite()
    clean, low, high = (torch.where(finite, values, x) for x in (0.0, torch.inf, -torch.inf))
    return clean, low.min(), high.max(), _host(finite.sum())


def _sound(values: Tensor) -> bool:
    """Known to be all finite: a look that a device cannot be asked for, and spares the masking."""
    return _on_host(values) and math.isfinite(values.sum().item())


def at_least_one(share: Number, whole: Tensor, size: int) -> Number:
    """A share seen in a sample, mended where the sums of all elements tell of one outside it."""
    if _on_host(whole):
        return share if math.isfinite(whole.sum().item()) else max(share, 1 / size)
    return torch.maximum(share, (~whole.isfinite()).any() / size)


class Columns:
    """How the input's columns differ, and which have never been seen to vary."""

    def __init__(self) -> None:
        self._low = self._high = torch.empty(0)
        self._elements = 0

    def look(self, table: Tensor) -> Numbers:  # [element, column]
        low = high = table
        if not _sound(table):
            finite = table.isfinite()
            low, high = (torch.where(finite, table, x) for x in (torch.inf, -torch.inf))
        low, high = low.amin(0), high.amax(0)
        return {
            "constant_columns": self._constant(low, high, len(table)),
            "column_spread": _spread(table, low, high),
        }

    def _constant(self, low: Tensor, high: Tensor, elements: int) -> Number:
        if self._low.shape != low.shape or self._low.device != low.device:
            self._low, self._high, self._elements = low, high, 0
        self._low = torch.minimum(self._low, low)
        self._high = torch.maximum(self._high, high)
        self._elements += elements
        share = _host((self._high <= self._low).sum()) / len(low)
        return share if self._elements > 1 else math.nan


def _spread(table: Tensor, low: Tensor, high: Tensor) -> Number:
    """The greatest standard deviation of a column, over the median one of those that vary.

    A column with an element that is not finite has none.
    """
    variance = table.square().mean(0) - table.mean(0).square()
    variance = torch.where(high > low, variance, torch.nan)
    median = variance.nanmedian(0).values
    return _root(_host(variance.nan_to_num(0.0).max() / median))


def fingerprints(rows: Tensor) -> Tensor:  # [row, element]
    """A number for each row, the same for the same elements: a linear hash of their bits.

    Its weights are random and odd: two rows share one with a chance of about 2^-41.
    """
    bits = rows.float().view(torch.int32) if rows.is_floating_point() else rows
    return (bits.long() * _weights(rows.device, rows.shape[1])).sum(1)


@cache
def _weights(device: torch.device, n: int) -> Tensor:
    random = np.random.PCG64(0).random_raw(n)  # of its own: the same in every process
    return torch.from_numpy((random | np.uint64(1)).view(np.int64)).to(device)


class Repeats:
    """Rows that are there more than once, in a batch or in those seen last."""

    def __init__(self) -> None:
        self._recent: deque[Tensor] = deque(maxlen=RECENT)

    def look(self, rows: Tensor) -> Numbers:  # [row]  fingerprints
        told = {"duplicates": duplicates(rows)}
        if known := [old for old in self._recent if old.device == rows.device]:
            told["repeats"] = _host(_found(torch.cat(known), rows)) / len(rows)
        self._recent.append(rows)
        return told


def _found(known: Tensor, rows: Tensor) -> Tensor:
    """How many of the rows are among the known ones."""
    known = known.sort().values
    place = torch.searchsorted(known, rows).clamp_(max=len(known) - 1)
    return (known[place] == rows).sum()


class RowsMet:
    """Rows that training was seen to use, in whose midst others are looked for."""

    def __init__(self) -> None:
        self.looks = 0
        self._met: list[Tensor] = []
        self._last = torch.empty(0)
        self._in_order = False

    def add(self, rows: Tensor) -> None:  # [row]  fingerprints
        self.looks += 1
        if self._met and self._met[0].device != rows.device:
            self._met = []
        room = MET - sum(map(len, self._met))
        self._met.append(rows[:room])
        self._last, self._in_order = rows, False

    def among(self, rows: Tensor) -> Tensor | None:
        """Which of the rows were met; None where none can have been."""
        if not self._met or self._met[0].device != rows.device:
            return None
        known = self._ordered()
        place = torch.searchsorted(known, rows).clamp_(max=len(known) - 1)
        return known[place] == rows

    def extent(self) -> Numbers:
        """How many were met, and which share of those met last had been met before."""
        known, last = self._ordered(), self._last.sort().values
        again = _count(known, last) > _count(last, last)
        distinct = _host((known[1:] != known[:-1]).sum()) + 1.0
        return {"known": distinct, "covered": _host(again.sum()) / len(last)}

    def _ordered(self) -> Tensor:
        if not self._in_order:
            self._met, self._in_order = [torch.cat(self._met).sort().values], True
        return self._met[0]


def _count(known: Tensor, rows: Tensor) -> Tensor:
    """How often each of the rows is among the known ones; both are in order."""
    after = torch.searchsorted(known, rows, right=True)
    return after - torch.searchsorted(known, rows)


def duplicates(rows: Tensor) -> Number:  # [row]  fingerprints
    """The share of rows that are there more than once, but for one of each."""
    ordered = rows.sort().values
    return _host((ordered[1:] == ordered[:-1]).sum()) / len(rows)


def share_met(passes: Sequence[Tensor]) -> Number:
    """The share of rows that were met; of two data sets, one after the other, that of the lesser.

    Many loops go through training's own data as well, before or after the validation's. It shows
    in passes that lie together at one end and meet far fewer rows than the rest.
    """
    wide = torch.float32 if passes[0].device.type == "mps" else torch.float64
    met = torch.stack([each.sum(dtype=wide) for each in passes])
    rows = torch.stack([torch.ones_like(each, dtype=wide).sum() for each in passes])
    first, second = _shares(met, rows)
    lesser, greater = torch.minimum(first, second), torch.maximum(first, second)
    size = torch.where(first < second, rows.cumsum(0), rows.sum() - rows.cumsum(0))
    apart = (greater * size >= LEAST) & (lesser <= LESSER * greater)
    best = torch.where(apart, greater * size, 0.0).argmax()
    share = torch.where(apart.any(), lesser.take(best), met.sum() / rows.sum())
    return _host(share)


def _shares(met: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Of the rows met up to each pass, and after it; after the last there are none."""
    before, after = rows.cumsum(0), rows.sum() - rows.cumsum(0)
    share = met.cumsum(0) / before
    rest = torch.where(after > 0, (met.sum() - met.cumsum(0)) / after.clamp_min(1), share)
    return share, rest


class Labels:
    """How evenly a batch mixes its classes; targets to be ignored, negative ones, are left out."""

    def __init__(self) -> None:
        self._met = torch.empty(0)  # [class]
        self._classes: Number = 0.0

    def look(self, labels: Tensor) -> Numbers:  # [element]
        ordered, alike = _alike(labels)
        counted = (ordered >= 0).float()
        once = counted / alike  # of a class's elements the sum is one
        count = _host(counted.sum())
        entropy = _log(count) - _ratio(_host((counted * alike.log()).sum()), count)
        classes_seen = self._extend(ordered, once)
        return {
            "label_entropy": _ratio(entropy, _log(classes_seen)),
            "classes": _host(once.sum().round()),
            "classes_seen": classes_seen,
        }

    def _extend(self, labels: Tensor, once: Tensor) -> Number:
        """The number of classes met so far."""
        if not len(self._met) or self._met.device != labels.device:
            self._met, self._classes = torch.ones(CLASSES, device=labels.device), 0.0
        places = labels & (CLASSES - 1)
        self._classes = self._classes + _host((self._met[places] * once).sum().round())
        self._met.index_fill_(0, places, 0.0)
        return self._classes


def shares(ids: Tensor) -> Numbers:
    """Of token ids: how many are distinct, and how many the commonest one, padding say, takes."""
    _, alike = _alike(ids)
    return {
        "unique_ids": _host(alike.reciprocal().sum()) / len(ids),
        "commonest_id": _host(alike.max()) / len(ids),
    }


def has_nan(sums: Tensor) -> Number:
    return _host(sums.isnan().any().float())


def _alike(values: Tensor) -> tuple[Tensor, Tensor]:
    """The values in order, and how many are like each."""
    ordered = values.sort().values
    after = torch.searchsorted(ordered, ordered, right=True)
    return ordered, (after - torch.searchsorted(ordered, ordered)).float()


def _host(value: Tensor) -> Number:
    return value.item() if _on_host(value) else value


def _on_host(value: Tensor) -> bool:
    return value.device.type == "cpu"


def _ratio(part: Number, of: Number) -> Number:
    return part / of if isinstance(of, Tensor) or of else math.nan


def _root(value: Number) -> Number:
    return value.clamp_min(0).sqrt() if isinstance(value, Tensor) else math.sqrt(max(value, 0.0))


def _log(value: Number) -> Number:
    if isinstance(value, Tensor):
        return value.log()
    return math.log(value) if value > 0 else math.nan
