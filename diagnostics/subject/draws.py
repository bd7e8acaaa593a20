"""Predictions with dropout on, draw by draw, of a recorded program or a model in memory.

A model in memory is captured into a program first; where that cannot be, its copy is run live.
Normalisation takes its running statistics, which no draw moves.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, get_args
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnostics.subject.batches import Batches
from diagnostics.subject.data import as_numpy, free_memory
from diagnostics.subject.live_draws import LiveDrawing
from diagnostics.subject.losses import Batch, LiveLoss, Source, Tensors
from diagnostics.subject.precision import in_float64
from diagnostics.subject.recorded import RecordedLoss
from probes.folder import FathomError, NotRecordable
from probes.program.drawing import Drawing, Drawn, Wish, prepare_draws
from probes.program.export import capture
from probes.program.form import Program, Recorded
from probes.program.objective import Objective, Whole
from probes.program.randomness import Fired
from probes.program.stacking import other

Masks = Literal["independent", "shared"]
NAN = float("nan")


@dataclass(frozen=True)
class Asked:
    """Which draws, and with which dropouts."""

    count: int
    seed: int = 0
    masks: Masks = "independent"  # "shared": one for all examples, so that a draw is a function
    only: Sequence[str] | None = None  # these random operations are on, and the others off
    p: float | None = None  # that every dropout drops, instead of its own


@dataclass(frozen=True)
class Guards:
    """What would make draws worth nothing, as numbers and names; who reads them judges."""

    spread: float  # the largest range of a prediction over the draws; 0: all are alike
    duplicates: int  # draws that equal an earlier one, to the bit
    never: tuple[str, ...]  # random operations that were to be on, and took part in no draw
    always: tuple[str, ...]  # those that are on in evaluation, too
    restless: float  # two passes with dropout off differ by so much; NaN: not tried
    gap: float  # with dropout off, training's way is so far from evaluation's, relative
    reshaped: bool  # with dropout on, predictions are of another shape
    changed: tuple[str, ...]  # tensors of the model that a pass wrote to


@dataclass(frozen=True)
class Draws:
    """Predictions with dropout on, beside those without."""

    values: NDArray[Any]  # [draw, example, ...]  as the model gives them
    plain: NDArray[Any]  # [example, ...]  with dropout off
    fired: tuple[Fired, ...]
    masks: str
    how: str  # "loop", "stacked by 20", "live loop: why no program could be made"
    seconds: float
    guards: Guards


def drawn(batches: Batches, varied: Tensors, asked: Asked) -> Draws:
    """Of all the data, at these weights."""
    _check(batches, asked)
    drawing, constants, why = _drawing(batches, varied, asked)
    weights = batches._weights(varied) | constants
    start = time.perf_counter()
    parts = [
        _of(drawing, weights, b, _wish(asked, n, b.size / batches.examples))
        for n, b in enumerate(batches.all)
    ]
    values = _joined([as_numpy(part.values) for part in parts], 1)
    plain = _joined([as_numpy(part.plain) for part in parts], 0)
    seconds = time.perf_counter() - start
    guards = _guards(values, plain, parts, drawing)
    if asked.only is not None:
        guards = replace(guards, never=tuple(n for n in guards.never if n in asked.only))
    how = parts[0].how + (f": {why}" if why else "")
    return Draws(values, plain, parts[0].fired, asked.masks, how, seconds, guards)


def _of(drawing: Drawing | LiveDrawing, weights: Tensors, batch: Batch, wish: Wish) -> Drawn:
    if isinstance(drawing, LiveDrawing):
        return drawing(weights, batch, wish)
    return drawing(weights, batch.inputs, wish)


def _joined(parts: list[NDArray[Any]], axis: int) -> NDArray[Any]:
    return np.concatenate(parts, axis) if len(parts) > 1 else parts[0]


def _check(batches: Batches, asked: Asked) -> None:
    if asked.count < 1:
        raise FathomError(f"{asked.count} draws are asked for; ask for one at least.")
    if asked.seed < 0:
        raise FathomError(f"seed={asked.seed} is below 0; give a whole number from 0 on.")
    if asked.masks not in get_args(Masks):
        known = ", ".join(get_args(Masks))
        raise FathomError(f"no masks '{asked.masks}' (there are: {known}).")
    if asked.p is not None and not 0 <= asked.p <= 1:
        raise FathomError(f"p={asked.p} is no share to drop; give one from 0 to 1.")
    if batches.source.by_batch:
        raise FathomError(
            "with statistics='batch' a prediction depends on the examples beside it; make draws "
            "of a subject with statistics='running', or 're-estimated'."
        )


def _wish(asked: Asked, batch: int, part: float) -> Wish:
    """Each batch has masks of its own, unless they are shared, and its part of the memory."""
    shared = asked.masks == "shared"
    seed = asked.seed if shared else (asked.seed, batch)
    return Wish(asked.count, seed, shared, partial(_room, part))


def _room(part: float) -> int:
    """Half of what is free: the other half is for the draws of all batches side by side."""
    return int(free_memory() // 2 * part)


def _drawing(
    batches: Batches, varied: Tensors, asked: Asked
) -> tuple[Drawing | LiveDrawing, Tensors, str]:
    """What draws, the program's own tensors, and why there is no program, if there is none."""
    source = batches.source
    like = next(iter(varied.values()))
    double = like.dtype is torch.float64
    if isinstance(source, RecordedLoss):
        return _ready(source, source.program(varied), asked, double=double), {}, ""
    assert isinstance(source, LiveLoss)
    found = _captured(source, batches.all)
    if isinstance(found, str):
        return LiveDrawing(source, asked.only, asked.p), {}, found
    program = in_float64(found.program) if double else found.program
    constants = {name: _as(tensor, like) for name, tensor in found.constants.items()}
    return _ready(source, program, asked, double=double), constants, ""


def _as(tensor: Tensor, like: Tensor) -> Tensor:
    wide = tensor.is_floating_point() and like.dtype is torch.float64
    return tensor.to(like.device, torch.float64 if wide else tensor.dtype)


Key = tuple[tuple[str, ...] | None, float | None, bool]
_drawings: WeakKeyDictionary[Source, dict[Key, Drawing]] = WeakKeyDictionary()


def _ready(source: Source, program: Program, asked: Asked, *, double: bool) -> Drawing:
    """Made once: it remembers what it has found out about the shapes of a batch."""
    key = (None if asked.only is None else tuple(asked.only), asked.p, double)
    there = _drawings.setdefault(source, {})
    if key not in there:
        there[key] = prepare_draws(program, asked.only, asked.p)
    return there[key]


_programs: WeakKeyDictionary[LiveLoss, Recorded | str] = WeakKeyDictionary()  # or why there is none


def _captured(source: LiveLoss, batches: Sequence[Batch]) -> Recorded | str:
    """Its program, made once; one that takes no other size of batch is of no use to another."""
    if source not in _programs:
        _programs[source] = _capture(batches[0])
    found = _programs[source]
    if isinstance(found, str) or found.program.dynamic:
        return found
    alike = all(batch.size == found.program.batch for batch in batches)
    return found if alike else "; ".join(found.program.notes)


def _capture(batch: Batch) -> Recorded | str:
    """Of a batch of one as of two, where it is taken: then any number of draws fit in a pass."""
    assert batch.objective is not None
    inputs = batch.objective.inputs
    if batch.size == 1:
        two = {k: torch.cat([t, other(t)]) if t.dim() else t for k, t in inputs.items()}
        found = _program_of(batch.objective, two)
        if isinstance(found, Recorded) and found.program.dynamic:
            return found
    return _program_of(batch.objective, inputs)


def _program_of(objective: Objective, inputs: Tensors) -> Recorded | str:
    def loss(_: Any, tensors: Tensors) -> Any:
        found = objective(*tensors.values())
        return found if len(found) == 2 else found[0]

    try:
        recorded = capture(objective.model, Whole(loss), dict(inputs))
    except NotRecordable as error:
        return str(error)
    if "train" not in recorded.program.graphs:
        return "; ".join(recorded.program.notes)
    return recorded


def _guards(
    values: NDArray[Any], plain: NDArray[Any], parts: list[Drawn], drawing: Drawing | LiveDrawing
) -> Guards:
    restless, changed = (NAN if drawing.always_on else 0.0), tuple[str, ...]()
    if isinstance(drawing, LiveDrawing):
        restless, changed = drawing.restless, drawing.changed
    return Guards(
        spread=float(np.ptp(values, axis=0).max()),
        duplicates=len(values) - len({hash(draw.tobytes()) for draw in values}),
        never=tuple(dict.fromkeys(f.name for part in parts for f in part.fired if not f.times)),
        always=drawing.always_on,
        restless=restless,
        gap=max(part.gap for part in parts),
        reshaped=values.shape[1:] != plain.shape,
        changed=changed,
    )
