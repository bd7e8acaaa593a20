"""How the results of a program grow with its batch: seen on a few examples, whatever the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from probes.program.batching import batched
from probes.program.form import Program
from probes.program.interpreter import Evaluation

SEEN = (2, 4, 6)  # examples: the last shows whether all grow evenly
Tensors = Mapping[str, Tensor]


class Unforeseen(Exception):  # noqa: N818  (it is caught, and no error)
    """A result is of another size than was foretold, such as of what examples past some have."""


class Growth:
    """Of the results of two parts, of which the second takes what the first gives."""

    def __init__(self, program: Program, before: Evaluation, after: Evaluation) -> None:
        self._dynamic, self._before, self._after = program.dynamic, before, after
        self._batched = batched(program.tensors.values())
        self._known: dict[Any, dict[str, tuple[Any, Any]]] = {}  # by the shapes of an example
        self._told: dict[Any, dict[str, Any]] = {}  # by these, and how many there are

    def at(self, weights: Tensors, batch: Tensors, rows: int) -> dict[str, Any]:
        """The size of each result of so many examples; {}: not to be had."""
        if (key := self.kind(batch)) not in self._known:
            self._known[key] = self._learned(weights, batch) if self._dynamic else {}
        if (key, rows) not in self._told:
            known = self._known[key]
            self._told[key, rows] = {r: _at(rows, *sizes) for r, sizes in known.items()}
        return self._told[key, rows]

    def forget(self, batch: Tensors) -> None:
        """What was learnt of such examples was not so."""
        self._known[self.kind(batch)] = {}
        self._told.clear()

    def kind(self, batch: Tensors) -> Any:
        """What batches that differ in length alone have in common."""
        return tuple(
            (name, tuple(t.shape[name in self._batched :]), t.dtype, t.device)
            for name, t in batch.items()
        )

    def some(self, batch: Tensors, rows: int) -> dict[str, Tensor]:
        """So many of its examples, from the first on again where it has fewer."""
        return {
            name: t[torch.arange(rows, device=t.device) % len(t)] if name in self._batched else t
            for name, t in batch.items()
        }

    def _learned(self, weights: Tensors, batch: Tensors) -> dict[str, tuple[Any, Any]]:
        try:
            one, two, three = (self._seen(weights, self.some(batch, rows)) for rows in SEEN)
        except Exception:  # such as of a program for some sizes alone
            return {}
        found = {reference: (one[reference], two[reference]) for reference in one}
        even = all(_at(SEEN[2], *found[reference]) == three[reference] for reference in found)
        return found if even else {}

    def _seen(self, weights: Tensors, batch: Tensors) -> dict[str, Any]:
        found: dict[str, Any] = {f"input:{name}": tensor for name, tensor in batch.items()}
        found |= dict(self._before.stepwise(weights, batch))
        found |= dict(self._after.stepwise(weights, found))
        return {reference: size_of(value) for reference, value in found.items()}


def watched(evaluation: Evaluation, sizes: Mapping[str, Any]) -> Evaluation:
    """The same, which sees to it that results are of these sizes."""
    steps = tuple(
        replace(s, call=partial(_as_foretold, s.call, sizes[s.reference])) for s in evaluation.steps
    )
    return replace(evaluation, steps=steps)


def _as_foretold(call: Callable[..., Any], size: Any, *args: Any, **kwargs: Any) -> Any:
    found = call(*args, **kwargs)
    if size_of(found) != size:
        raise Unforeseen
    return found


def check_sizes(values: Mapping[str, Any], sizes: Mapping[str, Any]) -> None:
    if any(size_of(value) != sizes[reference] for reference, value in values.items()):
        raise Unforeseen


def size_of(value: Any) -> Any:
    """The shape of a tensor; of a list each one's; numbers are what they are."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, (list, tuple)):
        return [size_of(part) for part in value]
    return value


def _at(rows: int, one: Any, two: Any) -> Any:
    """What is so of SEEN[0] and SEEN[1] examples, continued."""
    if isinstance(one, (list, tuple)) and isinstance(two, (list, tuple)):
        return type(one)(_at(rows, *each) for each in zip(one, two, strict=True))
    if one == two or not isinstance(one, int):
        return one
    return one + (two - one) * (rows - SEEN[0]) // (SEEN[1] - SEEN[0])
