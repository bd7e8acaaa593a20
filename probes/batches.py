"""What goes into the model at a recorded step: its size and scale, its columns, rows and targets.

All calls of one module in a step, micro-batches say, are taken together: sizes add up, and the
samples of the first 16 are put side by side. Looked at are the first 16 records and every fourth
after them; of each at most 256 rows and 16,384 elements of
a call, 4,096 of a row, evenly spread, from another first row each time; only a sum is of the whole
input, for a single NaN is enough. Columns are the last axis, of images the channels. Columns,
rows (by 64 of their elements) and labels are compared at the first 16 and at every eighth. No
device is waited for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from probes.batch_numbers import (
    Columns,
    Labels,
    Numbers,
    Repeats,
    at_least_one,
    fingerprints,
    has_nan,
    scale,
    shares,
)
from probes.named_tensors import named_tensors
from probes.probe import Moment, Pass

INPUTS = ("input_ids", "pixel_values", "inputs_embeds", "input_values", "input_features")
TARGETS = ("labels", "label", "targets", "target")
IDS = (torch.int16, torch.int32, torch.int64)  # bytes are pixels more often than they are tokens

PASSES = 16  # of a step, whose samples are kept
ROWS, ELEMENTS, COLUMNS, OF_A_ROW = 256, 16384, 1024, 4096
COMPARED = 64  # elements of a row, by which it is told from others
FIRST, AFTERWARDS = 16, 4  # records that are looked at: the first ones, and each n-th
THOROUGH = 2  # among those afterwards, each how-manieth compares columns, rows and labels


@dataclass
class _Seen:
    """A step's passes so far."""

    caller: int | None = None  # the module whose calls count
    judge: type | None = None  # the kind of loss whose second inputs are the targets
    size: int = 0
    passes: int = 0
    elements: int = 0
    sums: list[Tensor] = field(default_factory=list)  # of all elements of the input
    beside: list[Tensor] = field(default_factory=list)  # and of what else is given
    numbers: list[Tensor] = field(default_factory=list)  # [element, column]
    ids: list[Tensor] = field(default_factory=list)  # [element]
    rows: list[Tensor] = field(default_factory=list)  # [row]  their fingerprints
    labels: list[Tensor] = field(default_factory=list)  # [element]
    targets: list[Tensor] = field(default_factory=list)  # [element, column]


class Batches:
    """Batch size, moments, spread between columns, repeated rows, and targets where they are seen.

    The input is the first positional tensor, or a keyword that is usual for one, or the first
    tensor there is. Targets are seen where the loss is a module or the model itself takes them.
    """

    series = "batches"
    state = (
        "as the model was called with them, all calls of a step together; of a sample of at most "
        "256 rows and 16,384 elements a call"
    )

    def __init__(self) -> None:
        self._seen, self._looks = _Seen(), 0
        self._columns, self._repeats, self._labels = Columns(), Repeats(), Labels()

    def passed(self, whole: Pass) -> None:
        if not self._is_due(AFTERWARDS):
            return
        seen, keywords = self._seen, whole.keywords
        if whole.is_loss:
            if seen.judge in (None, type(whole.module)):  # many make a new one in each pass
                seen.judge = type(whole.module)
                self._take_target(whole.inputs[1] if len(whole.inputs) > 1 else _target(keywords))
        elif seen.caller in (None, id(whole.module)):
            seen.caller = id(whole.module)
            seen.passes += 1
            self._take_inputs(whole)
            self._take_target(_target(keywords))

    def _take_inputs(self, whole: Pass) -> None:
        tensors = [t for _, t in named_tensors("", [*whole.inputs, whole.keywords])]
        values = _the_input(whole, tensors)
        if values is None:
            return
        self._seen.size += values.shape[0] if values.ndim else 1
        if self._seen.passes <= PASSES:
            others = (t for t in tensors if t is not values and t.is_floating_point())
            self._seen.beside += [_total(tensor) for tensor in others if _readable(tensor)]
            if _readable(values):
                self._take(values)

    def _take(self, values: Tensor) -> None:
        seen = self._seen
        if values.dtype in IDS:
            seen.ids.append(_elements(values, self._looks))
        else:
            seen.numbers.append(_table(values, self._looks))
            seen.sums.append(_total(values))
            seen.elements += values.numel()
        if self._is_thorough():
            rows = _sample(values, 0, COMPARED, ROWS * COMPARED)
            seen.rows.append(fingerprints(rows.flatten(1)))

    def _take_target(self, target: Any) -> None:
        seen = self._seen
        if len(seen.labels) + len(seen.targets) < PASSES and _readable(target):
            if target.is_floating_point():
                seen.targets.append(_table(target, self._looks))
            elif self._is_thorough():
                seen.labels.append(_elements(target, self._looks))

    def _is_thorough(self) -> bool:
        return self._is_due(AFTERWARDS * THOROUGH)

    def _is_due(self, every: int) -> bool:
        return self._looks < FIRST or self._looks % every == 0

    def step(self, moment: Moment) -> None:
        seen, self._seen = self._seen, _Seen()
        with torch.no_grad():
            for part in self._parts(seen):
                for name, value in part.items():
                    moment.scalar(f"batches/{name}", value)
        self._looks += 1

    def _parts(self, seen: _Seen) -> Iterator[Numbers]:
        if seen.passes:
            yield {"size": float(seen.size), "passes": float(seen.passes)}
        if seen.numbers:
            table = _together(seen.numbers)
            told = scale("input", table)
            lost = at_least_one(told["input_nonfinite"], _together(seen.sums), seen.elements)
            yield told | {"input_nonfinite": lost}
            if self._is_thorough():
                yield self._columns.look(table)
        if seen.beside:
            yield {"others_nan": has_nan(torch.stack(seen.beside))}
        if seen.ids:
            yield shares(_together(seen.ids))
        if seen.rows:
            yield self._repeats.look(_together(seen.rows))
        if seen.labels:
            yield self._labels.look(_together(seen.labels))
        if seen.targets:
            yield scale("target", _together(seen.targets))


def _the_input(whole: Pass, tensors: Sequence[Tensor]) -> Tensor | None:
    """A model may be called with anything: what is most likely its batch?"""
    for value in whole.inputs:
        if isinstance(value, Tensor):
            return value
    for given in (whole.keywords, *whole.inputs):
        named = _named(given, INPUTS)
        if isinstance(named, Tensor):
            return named
    target = _target(whole.keywords)
    return next((tensor for tensor in tensors if tensor is not target), None)


def _target(keywords: Mapping[str, Any]) -> Any:
    return _named(keywords, TARGETS)


def _named(given: Any, names: Sequence[str]) -> Any:
    if not isinstance(given, Mapping):
        return None
    return next((given[name] for name in names if given.get(name) is not None), None)


def _readable(tensor: Any) -> bool:
    """Dense, real, with elements of its own."""
    return (
        isinstance(tensor, Tensor)
        and tensor.layout is torch.strided
        and tensor.numel() > 0
        and not (tensor.is_complex() or tensor.is_quantized or tensor.is_nested or tensor.is_meta)
    )


def _together(parts: list[Tensor]) -> Tensor:
    """Side by side, those that are as wide as the first."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat([part for part in parts if part.shape[1:] == parts[0].shape[1:]])


def _total(values: Tensor) -> Tensor:
    """Of all elements, in a type that half ones do not overflow: what is not finite shows."""
    return values.sum(dtype=torch.promote_types(values.dtype, torch.float32)).view(1)


def _table(values: Tensor, turn: int) -> Tensor:
    """A sample as [element, column], in the widest type that the device has."""
    wide = torch.float32 if values.device.type == "mps" else torch.float64
    return _sample(values, turn, OF_A_ROW, ELEMENTS).flatten(0, 1).to(wide, copy=True)


def _elements(values: Tensor, turn: int) -> Tensor:
    return _sample(values, turn, OF_A_ROW, OF_A_ROW).flatten().to(torch.int64, copy=True)


def _sample(values: Tensor, turn: int, of_a_row: int, elements: int) -> Tensor:
    """An even choice of rows, and of what is in a row, as [row, element, column]."""
    if values.ndim < 2:
        values = values.reshape(-1, 1)
    steps, size = _steps(tuple(values.shape[1:]), of_a_row)
    step = -(-values.shape[0] // max(1, min(ROWS, elements // size)))
    chosen = values[(slice(turn % step, None, step), *steps)]
    if chosen.ndim > 3:
        chosen = chosen.movedim(1, -1)
    return chosen.reshape(chosen.shape[0], -1, chosen.shape[-1])


@lru_cache(maxsize=1024)
def _steps(shape: tuple[int, ...], of_a_row: int) -> tuple[list[slice], int]:
    """What to take of each axis of a row, and how many elements that gives."""
    channel = 0 if len(shape) > 2 else len(shape) - 1
    steps = [1] * len(shape)
    steps[channel] = _odd(shape[channel] / min(COLUMNS, of_a_row))
    columns = -(-shape[channel] // steps[channel])
    for axis in set(range(len(shape))) - {channel}:
        places = math.prod(shape) // shape[channel]
        steps[axis] = _odd((places * columns / of_a_row) ** (1 / (len(shape) - 1)))
    taken = [-(-n // step) for n, step in zip(shape, steps, strict=True)]
    return [slice(None, None, step) for step in steps], math.prod(taken)


def _odd(step: float) -> int:
    """An even one would meet the same columns of a flattened image again and again."""
    return math.ceil(step) | 1 if step > 1 else 1
