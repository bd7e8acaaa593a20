"""How each prediction depends on the weights, and the products of those rows: K = J Jᵀ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from diagnostics.subject.derivatives import spare_memory
from diagnostics.subject.jacobian_rows import Chunk, Task, Way, chunks, fastest, predictions
from diagnostics.subject.subject import Subject
from diagnostics.weight_space import Floats, Piece
from probes.folder import FathomError

Outputs = Literal["all", "mean"] | int  # of each prediction's numbers

SHARE = 0.25  # of the free memory that derivatives may take
COLUMNS = 1 << 14  # weights whose products are added up in float64 at once


def jacobian(subject: Subject, point: Tensor, outputs: Literal["all"] | int = "all") -> Tensor:
    """The derivative of each number predicted by each weight: [example, output, weight].

    A prediction's numbers are in the order that flattening gives; an `int` picks one of them.
    """
    task = _task(subject, point, outputs)
    room, row = int(2 * SHARE * spare_memory(point.device)), task.bytes_of_row(subject.pieces)
    if task.examples * row > room:
        raise FathomError(
            f"the derivatives of {task.examples} examples' {len(task.chosen)} outputs by "
            f"{len(point):,} weights take {task.examples * row:,} bytes, and {room:,} may be used; "
            "ask for fewer examples or one output, or for their kernel, which needs no such room."
        )
    parts = chunks(task, room // row // 4)
    way = fastest(task, parts[0], subject.pieces)
    found = task.room_for(task.examples, subject.pieces)
    for chunk in parts:
        found[chunk.place] = way(task, chunk, subject.pieces)
    return found


def kernel(subject: Subject, point: Tensor, outputs: Outputs = "all", room: int = 0) -> Floats:
    """The products of all rows of the Jacobian, K = J Jᵀ, summed in float64: [row, row].

    "all"   a row for each number predicted, example by example: the block kernel
    "mean"  a row for each example, the mean over outputs: the kernel of a very wide network, in
            which outputs do not touch one another
    int     a row for each example, of this output alone

    About `room` bytes of derivatives are held, by default a quarter of what is free: those of
    some tensors, and where one tensor's would be too many, of some examples.
    """
    mean = outputs == "mean"
    task = _task(subject, point, "all" if outputs == "mean" else outputs)
    each = 1 if mean else len(task.chosen)  # rows of an example
    _check_held(task.examples * each, point.device)
    room = room or int(SHARE * spare_memory(point.device))
    whole = point.new_zeros((task.examples * each,) * 2, dtype=torch.float64)
    for some in _divided(task, room) if mean else [task]:
        _check_row(some, room)
        for pieces in _groups(some, room):
            for (place, one), (beside, other) in _pairs(some, pieces, room):
                tile = whole[_scaled(place, each), _scaled(beside, each)]
                axes = (1, 2) if mean else (0, 1)
                _add_products(tile, one.flatten(*axes), other.flatten(*axes))
    whole = torch.triu(whole) + torch.triu(whole, 1).T
    return subject.array(whole / len(task.chosen) if mean else whole)


def _task(subject: Subject, point: Tensor, outputs: Literal["all"] | int) -> Task:
    if subject.about.statistics not in ("running", "none"):
        raise FathomError(
            f"with statistics='{subject.about.statistics}' a prediction is of all its batch, and "
            "not of its example; use statistics='running'."
        )
    count = outputs_of(subject, point)
    if outputs == "all":
        return Task(subject, point, tuple(range(count)))
    if not 0 <= outputs < count:
        raise FathomError(
            f"there is no output {outputs}; a prediction has {count} (0 to {count - 1})."
        )
    return Task(subject, point, (outputs,))


def outputs_of(subject: Subject, point: Tensor) -> int:
    """How many numbers a prediction has."""
    with torch.no_grad(), subject._exactly():
        counts = {predictions(subject, point, b)[0].numel() for b in subject._batches.all}
    if len(counts) > 1:
        raise FathomError(
            f"the batches' predictions are of {', '.join(map(str, sorted(counts)))} numbers; a "
            "kernel is of examples that have the same outputs: give those of one size."
        )
    return counts.pop()


def _divided(task: Task, room: int) -> list[Task]:
    """As many outputs at once as one example's derivatives by the largest tensor find room."""
    largest = max(replace(task, chosen=(0,)).bytes_of_row([p]) for p in task.subject.pieces)
    most, count = max(1, room // largest), len(task.chosen)
    parts = (task.chosen[start : start + most] for start in range(0, count, most))
    return [replace(task, chosen=part) for part in parts]


def _groups(task: Task, room: int) -> Iterator[list[Piece]]:
    """Tensors whose derivatives for all examples find room together; larger ones by themselves."""
    group: list[Piece] = []
    for piece in task.subject.pieces:
        if group and task.examples * task.bytes_of_row([*group, piece]) > room:
            yield group
            group = []
        group.append(piece)
    yield group


Rows = tuple[slice, Tensor]  # whose derivatives they are


def _pairs(task: Task, pieces: Sequence[Piece], room: int) -> Iterator[tuple[Rows, Rows]]:
    """Each pair of examples once: as many as there is room for are held while the others pass."""
    most = max(1, room // task.bytes_of_row(pieces))
    left = chunks(task, task.examples if most >= task.examples else most // 4)
    way: Way = fastest(task, left[0], pieces)
    while left:
        held, left = _taken(left, most)
        place = slice(held[0].place.start, held[-1].place.stop)
        one = task.room_for(place.stop - place.start, pieces)
        for chunk in held:
            one[chunk.start - place.start : chunk.place.stop - place.start] = way(
                task, chunk, pieces
            )
        yield (place, one), (place, one)
        for chunk in left:
            yield (place, one), (chunk.place, way(task, chunk, pieces))


def _taken(left: list[Chunk], most: int) -> tuple[list[Chunk], list[Chunk]]:
    """The first that make up so many examples, one chunk at least; and those after them."""
    count = sum(chunk.place.stop - left[0].start <= most for chunk in left)
    return left[: max(count, 1)], left[max(count, 1) :]


def _scaled(place: slice, each: int) -> slice:
    return slice(place.start * each, place.stop * each)


def _add_products(tile: Tensor, one: Tensor, other: Tensor) -> None:
    """In float64, some columns at a time: sums of millions of products round."""
    for start in range(0, one.shape[1], COLUMNS):
        left, right = (rows[:, start : start + COLUMNS].double() for rows in (one, other))
        tile += left @ right.T


def _check_held(size: int, device: torch.device) -> None:
    needed, room = 2 * 8 * size * size, int(2 * SHARE * spare_memory(device))
    if needed > room:
        raise FathomError(
            f"a kernel of {size:,} rows takes {needed:,} bytes, and {room:,} may be used; give "
            "fewer examples, or outputs='mean'."
        )


def _check_row(task: Task, room: int) -> None:
    largest = max(task.bytes_of_row([piece]) for piece in task.subject.pieces)
    if largest > room:
        raise FathomError(
            f"the derivatives of one example's {len(task.chosen)} outputs by one tensor take "
            f"{largest:,} bytes, and {room:,} may be used; ask for outputs='mean', or for one."
        )
