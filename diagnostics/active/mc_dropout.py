"""A dropout ensemble of a run at one snapshot, stored under its step and kind of masks.

A function of one number is drawn along a line that goes on beyond its data, where draws part;
anything else on the examples as they were recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.active.wish import RECORDED, Wish, held_out_of, subject_of
from diagnostics.mc_dropout import McDropout, Plan, mc_dropout, reading_of
from diagnostics.run import Run
from diagnostics.store import check_writable, key_part, load, save, saved
from diagnostics.uncertainty import Outputs, Reading
from diagnostics.weight_space import Floats
from probes.folder import FathomError, RunError
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
class PlacedDropout:
    """A dropout ensemble, and the line that its examples are on."""

    ensemble: McDropout
    line: Line | None  # None: they have more numbers than one, or it is not known which


@dataclass(frozen=True)
class Ask:
    """How many draws, and how the predictions are read."""

    draws: int = 100
    outputs: Outputs | None = None  # None: as the targets say
    noise: float | None = None  # standard deviation of the targets' noise, where it is known
    plan: Plan = field(default_factory=Plan)

    def reading(self, subject: Subject) -> Reading:
        reading = Reading(self.outputs) if self.outputs else reading_of(subject)
        return replace(reading, noise=self.noise)


@dataclass(frozen=True)
class _Data:
    """What the recording predicts from, and towards."""

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


def mc_dropout_of(run: Run, wish: Wish, ask: Ask) -> PlacedDropout:
    """At one snapshot, on the recorded batch, on held-out data, or along the line of either."""
    subject = subject_of(run, wish)
    check_writable(run.path)
    subject = held_out_of(subject, wish) or subject
    reading, data = ask.reading(subject), None
    if not reading.classes:
        data = _recorded(run.path, wish)
    line, targets = None, data.targets if data else None
    if data and data.on_a_line:
        subject, line, targets = _along(subject, data)
    found = mc_dropout(subject, ask.draws, reading=reading, targets=targets, plan=ask.plan)
    placed = PlacedDropout(found, line)
    save(run.path, placed, mc_dropout_key(placed, wish))
    return placed


def mc_dropout_key(placed: PlacedDropout, wish: Wish) -> str:
    about = placed.ensemble.about
    held_out = f"_{key_part(wish.held_out)}.held.out" if wish.held_out else ""
    statistics = about.statistics.replace("-", "")
    return f"step{about.step}_{statistics}{held_out}_{placed.ensemble.plan.masks}"


def stored_dropout(folder: str | Path, key: str) -> PlacedDropout:
    """Also one that was stored as it is, without a line."""
    try:
        return load(folder, PlacedDropout, key)
    except RunError as error:
        if key not in saved(folder, McDropout):
            raise
        try:
            return PlacedDropout(load(folder, McDropout, key), None)
        except RunError:
            raise error from None


def _recorded(folder: Path, wish: Wish) -> _Data | None:
    """Where one array of numbers is all that goes in."""
    if wish.subject or wish.held_out not in ("", RECORDED) or not has_program(folder):
        return None
    prefix, whose = (HELD_OUT, "held-out") if wish.held_out else (INPUT, "recorded")
    found = read_alone(folder / TENSORS)
    given = {n.removeprefix(prefix): each for n, each in found.items() if n.startswith(prefix)}
    targets = given.pop(TARGET, None)
    return _Data(next(iter(given.values())), targets, whose) if len(given) == 1 else None


def _along(subject: Subject, data: _Data) -> tuple[Subject, Line, NDArray[Any] | None]:
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
