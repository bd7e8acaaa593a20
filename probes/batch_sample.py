"""Which tensor a model is called with is its batch, and which of that batch's elements are read.

At most 256 rows and 16,384 elements of a call, 4,096 of a row, evenly spread, from another first
row each time. Columns are the last axis, of images the channels. The choice inside a row follows
from the row's shape alone, so that training's and validation's columns and rows can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from probes.batch_numbers import fingerprints
from probes.probe import Pass

INPUTS = ("input_ids", "pixel_values", "inputs_embeds", "input_values", "input_features")
TARGETS = ("labels", "label", "targets", "target")
IDS = (torch.int16, torch.int32, torch.int64)  # bytes are pixels more often than they are tokens

ROWS, ELEMENTS, COLUMNS, OF_A_ROW = 256, 16384, 1024, 4096
COMPARED = 64  # elements of a row, by which it is told from others


def the_input(whole: Pass, tensors: Sequence[Tensor]) -> Tensor | None:
    """A model may be called with anything: what is most likely its batch?"""
    for value in whole.inputs:
        if isinstance(value, Tensor):
            return value
    for given in (whole.keywords, *whole.inputs):
        named = _named(given, INPUTS)
        if isinstance(named, Tensor):
            return named
    target = the_target(whole.keywords)
    return next((tensor for tensor in tensors if tensor is not target), None)


def the_target(keywords: Mapping[str, Any]) -> Any:
    return _named(keywords, TARGETS)


def _named(given: Any, names: Sequence[str]) -> Any:
    if not isinstance(given, Mapping):
        return None
    return next((given[name] for name in names if given.get(name) is not None), None)


def size_of(values: Tensor) -> int:
    """How many examples these are."""
    return values.shape[0] if values.ndim else 1


def readable(tensor: Any) -> bool:
    """Dense, real, with elements of its own."""
    return (
        isinstance(tensor, Tensor)
        and tensor.layout is torch.strided
        and tensor.numel() > 0
        and not (tensor.is_complex() or tensor.is_quantized or tensor.is_nested or tensor.is_meta)
    )


def together(parts: list[Tensor]) -> Tensor:
    """Side by side, those that are as wide as the first."""
    if len(parts) == 1:
        return parts[0]
    return torch.cat([part for part in parts if part.shape[1:] == parts[0].shape[1:]])


def table(values: Tensor, turn: int) -> Tensor:
    """A sample as [element, column], in the widest type that the device has."""
    wide = torch.float32 if values.device.type == "mps" else torch.float64
    return sample(values, turn, OF_A_ROW, ELEMENTS).flatten(0, 1).to(wide, copy=True)


def elements(values: Tensor, turn: int) -> Tensor:
    return sample(values, turn, OF_A_ROW, OF_A_ROW).flatten().to(torch.int64, copy=True)


def marks(values: Tensor, turn: int) -> Tensor:
    """A fingerprint of each row of a sample."""
    return fingerprints(sample(values, turn, COMPARED, ROWS * COMPARED).flatten(1))


def sample(values: Tensor, turn: int, of_a_row: int, elements: int) -> Tensor:
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
