"""A function of one number, drawn along a line that goes on beyond its data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.active.wish import RECORDED, Wish
from diagnostics.weight_space import Floats
from probes.folder import FathomError
from probes.program_file import HELD_OUT, TENSORS, has_program
from probes.snapshot_file import read_alone

if TYPE_CHECKING:
    from diagnostics.subject import Subject

PLACES = 201  # on the line
BEYOND = 0.25  # of the data's extent, to either side
INPUT, TARGET = "input:", "target"


@dataclass(frozen=True)
class Line:
    """Where the examples lie, each having one number for an input, and what is known there."""

    places: Floats  # [example]
    known: Floats  # [point]  the data's inputs
    targets: Floats  # [point, output]  NaN where the data have none
    whose: str  # the data are


@dataclass(frozen=True)
class Data:
    """What a recording predicts from, and towards."""

    inputs: NDArray[Any]  # [example, ...]
    targets: NDArray[Any] | None  # [example, ...]
    whose: str

    @property
    def on_a_line(self) -> bool:
        alone = self.inputs.dtype.kind == "f" and self.inputs.size == len(self.inputs) > 1
        return alone and bool(np.ptp(self.inputs) > 0)

    def at(self, places: Floats) -> tuple[NDArray[Any], ...]:
        """A batch as the recorded one; its targets do not touch the predictions."""
        inputs = places.reshape(-1, *self.inputs.shape[1:])
        if self.targets is None:
            return (inputs,)
        return inputs, np.zeros((len(places), *self.targets.shape[1:]))

    def line(self, places: Floats | None = None) -> Line:
        own = self.inputs.astype(np.float64).ravel()
        targets = np.full((len(own), 1), np.nan)
        if self.targets is not None:
            targets = self.targets.astype(np.float64).reshape(len(own), -1)
        return Line(own if places is None else places, own, targets, self.whose)


def recorded_data(folder: Path, wish: Wish) -> Data | None:
    """Where one array of numbers is all that goes in."""
    if wish.subject or wish.held_out not in ("", RECORDED) or not has_program(folder):
        return None
    prefix, whose = (HELD_OUT, "held-out") if wish.held_out else (INPUT, "recorded")
    found = read_alone(folder / TENSORS)
    given = {n.removeprefix(prefix): each for n, each in found.items() if n.startswith(prefix)}
    targets = given.pop(TARGET, None)
    return Data(next(iter(given.values())), targets, whose) if len(given) == 1 else None


def along(subject: Subject, data: Data) -> tuple[Subject, Line, NDArray[Any] | None]:
    """On even places; on the data themselves where the program takes no other batch."""
    low, high = float(data.inputs.min()), float(data.inputs.max())
    more = BEYOND * (high - low)
    places = np.linspace(low - more, high + more, PLACES)
    batch = tuple(subject.vector(each) for each in data.at(places))
    told = f"{PLACES} even places from {places[0]:.4g} to {places[-1]:.4g}"
    try:
        there = subject.on(batch if len(batch) > 1 else batch[0], told)
    except FathomError:
        return subject, data.line(), data.targets
    return there, data.line(places), None
