"""The Jacobian's rows for a few examples and tensors, by the fastest way that is right."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.func import vjp, vmap

from diagnostics.subject.derivatives import backward, flat_gradient
from diagnostics.subject.losses import Batch, Tensors
from diagnostics.subject.subject import Subject
from diagnostics.weight_space import Piece
from probes.folder import FathomError

AT_ONCE = 256  # numbers that are differentiated at once
TRIED = 8  # examples that a way is tried on
ROUNDING = 1e3  # in units of the precision, that two ways to the same rows may be apart,
COARSE = 0.1  # and no more than this in any


@dataclass(frozen=True)
class Task:
    """What is to be differentiated, and where."""

    subject: Subject
    point: Tensor
    chosen: tuple[int, ...]  # of a prediction's numbers

    @property
    def examples(self) -> int:
        return self.subject.about.examples

    def bytes_of_row(self, pieces: Sequence[Piece]) -> int:
        """That the derivatives of one example take."""
        return len(self.chosen) * width(pieces) * self.point.element_size()

    def room_for(self, examples: int, pieces: Sequence[Piece]) -> Tensor:
        """To be written over: [example, output, weight]"""
        return self.point.new_empty((examples, len(self.chosen), width(pieces)))

    def tensors(self, pieces: Sequence[Piece]) -> Tensors:
        """These alone: going backward, others cost nothing."""
        named = self.subject._named(self.point)
        return {piece.name: named[piece.name].detach() for piece in pieces}

    def leaves(self, pieces: Sequence[Piece]) -> Tensors:
        return {name: t.requires_grad_() for name, t in self.tensors(pieces).items()}

    def predicted(self, moved: Tensors, batch: Batch) -> Tensor:
        """The chosen numbers of each example's prediction: [example, output]"""
        found = predictions(self.subject, self.point, batch, moved).reshape(batch.size, -1)
        return found if len(self.chosen) == found.shape[1] else found[:, [*self.chosen]]


@dataclass(frozen=True)
class Chunk:
    """Some of a batch's examples, and where they stand among all."""

    batch: Batch
    rows: range
    start: int

    @property
    def place(self) -> slice:
        return slice(self.start, self.start + len(self.rows))


Way = Callable[[Task, Chunk, Sequence[Piece]], Tensor]  # [example, output, weight]


def predictions(
    subject: Subject, point: Tensor, batch: Batch, moved: Tensors | None = None
) -> Tensor:
    """What is predicted for each example; `moved` tensors stand in for the point's own."""
    weights = subject._batches.rest | subject._named(point) | (moved or {})
    found = subject._batches.source(weights, batch, ("predictions",)).get("predictions")
    if found is None or not found.is_floating_point() or found.shape[:1] != (batch.size,):
        told = "predicts nothing" if found is None else f"predicts {found.dtype} {[*found.shape]}"
        raise FathomError(
            f"the model {told} for {batch.size} examples, and a Jacobian is of numbers for each; "
            "let the loss be loss(model(x), y), with the examples along the first axis."
        )
    return found


def chunks(task: Task, most: int) -> list[Chunk]:
    """All examples, so many at once at most."""
    size, found, before = max(1, min(most, AT_ONCE // len(task.chosen))), [], 0
    for batch in task.subject._batches.all:
        for start in range(0, batch.size, size):
            rows = range(start, min(start + size, batch.size))
            found.append(Chunk(batch, rows, before + start))
        before += batch.size
    return found


def some_of(batch: Batch, rows: Sequence[int]) -> Batch:
    inputs = {name: t[[*rows]] if _by_rows(t, batch) else t for name, t in batch.inputs.items()}
    return replace(batch, inputs=inputs, size=len(rows))


def _by_rows(tensor: Tensor, batch: Batch) -> bool:
    return tensor.ndim > 0 and len(tensor) == batch.size


def width(pieces: Sequence[Piece]) -> int:
    return sum(piece.stop - piece.start for piece in pieces)


def fastest(task: Task, chunk: Chunk, pieces: Sequence[Piece]) -> Way:
    """Tried on a few examples, against a plain pass backward of their whole batch.

    Some operations cannot be mapped over examples, some models mix their examples, and torch has
    been wrong of such things in silence.
    """
    chunk = replace(chunk, rows=chunk.rows[:TRIED])
    shape = (len(chunk.rows), len(task.chosen))
    weighed = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(task.point)
    expected = _weighed_sum(task, chunk, pieces, weighed)
    far = _rounding(task, pieces) * float(expected.abs().max())
    for way in (mapped, one_by_one):
        with suppress(Exception):  # whatever an operation raises that cannot be mapped or cut
            found = torch.einsum("eo,eow->w", weighed, way(task, chunk, pieces))
            if torch.allclose(found, expected, rtol=0, atol=far):
                return way
    return of_whole_batch


def _rounding(task: Task, pieces: Sequence[Piece]) -> float:
    precisions = [torch.finfo(tensor.dtype).eps for tensor in task.tensors(pieces).values()]
    return min(ROUNDING * max(precisions), COARSE)


def _weighed_sum(task: Task, chunk: Chunk, pieces: Sequence[Piece], weighed: Tensor) -> Tensor:
    leaves = task.leaves(pieces)
    with task.subject._exactly(smooth=True):
        found = task.predicted(leaves, chunk.batch)[chunk.rows.start : chunk.rows.stop]
        return flat_gradient((found * weighed).sum(), leaves, task.point.dtype)


def mapped(task: Task, chunk: Chunk, pieces: Sequence[Piece]) -> Tensor:
    """All rows of all the chunk's examples together."""
    tensors, cut = task.tensors(pieces), some_of(chunk.batch, chunk.rows)
    over = {k: cut.inputs[k] for k, t in chunk.batch.inputs.items() if _by_rows(t, chunk.batch)}

    def of_one(inputs: Tensors) -> Tensors:
        one = replace(cut, inputs=cut.inputs | {k: t[None] for k, t in inputs.items()}, size=1)
        pulling: Any = vjp(lambda moved: task.predicted(moved, one)[0], tensors)
        found, pull = pulling
        rows: Tensors = vmap(lambda row: pull(row)[0])(torch.eye(len(found)).to(found))
        return rows

    with task.subject._exactly(smooth=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of operations that it maps one by one
        rows = vmap(of_one)(over)
    shape = (cut.size, len(task.chosen), -1)
    return torch.cat([rows[p.name].reshape(shape).to(task.point.dtype) for p in pieces], -1)


def one_by_one(task: Task, chunk: Chunk, pieces: Sequence[Piece]) -> Tensor:
    """Each example as a batch of its own."""
    alone = (some_of(chunk.batch, [row]) for row in chunk.rows)
    return torch.cat([_backward(task, batch, range(1), pieces) for batch in alone])


def of_whole_batch(task: Task, chunk: Chunk, pieces: Sequence[Piece]) -> Tensor:
    """Of a model that takes no other batch, or in which examples touch one another."""
    return _backward(task, chunk.batch, chunk.rows, pieces)


def _backward(task: Task, batch: Batch, rows: range, pieces: Sequence[Piece]) -> Tensor:
    """A pass backward for each number, through one graph."""
    leaves = task.leaves(pieces)
    found = task.room_for(len(rows), pieces).zero_()
    with task.subject._exactly(smooth=True):
        predicted = task.predicted(leaves, batch)[rows.start : rows.stop]
        for n, numbers in enumerate(predicted):
            for o, number in enumerate(numbers):
                found[n, o] = backward(number, leaves, torch.ones_like(number))
    return found
