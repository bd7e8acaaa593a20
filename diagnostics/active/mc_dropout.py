"""A dropout ensemble of a run at one snapshot, stored under its step and kind of masks.

A function of one number is drawn along a line that goes on beyond its data, where draws part;
anything else on the examples as they were recorded. Of two numbers it is also drawn over a plane.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostics.active.line import Data, Line, along, recorded_data
from diagnostics.active.plane import Plane, on_a_plane, over
from diagnostics.active.reading import outputs_of, read_as, targets_for
from diagnostics.active.wish import Wish, held_out_of, subject_of
from diagnostics.mc_dropout import McDropout, Plan, mc_dropout
from diagnostics.run import Run
from diagnostics.shown import Shown
from diagnostics.store import check_writable, key_part, load, save, saved
from diagnostics.uncertainty import Outputs, Reading
from probes.folder import RunError

if TYPE_CHECKING:
    from diagnostics.subject import Subject


@dataclass(frozen=True)
class PlacedDropout(Shown):
    """A dropout ensemble, and where its examples are."""

    ensemble: McDropout
    line: Line | None  # that they are on; None: they have more numbers than one, or classes
    plane: Plane | None = None  # around them; None: they have not two numbers


@dataclass(frozen=True)
class Ask:
    """How many draws, and how the predictions are read."""

    draws: int = 100
    outputs: Outputs | None = None  # None: as the targets say
    noise: float | None = None  # standard deviation of the targets' noise, where it is known
    plan: Plan = field(default_factory=Plan)

    def reading(self, subject: Subject) -> Reading:
        return read_as(subject, self.outputs, self.noise)


def mc_dropout_of(run: Run, wish: Wish, ask: Ask) -> PlacedDropout:
    """At one snapshot, on the recorded batch, on held-out data, or along the line of either."""
    subject = subject_of(run, wish)
    check_writable(run.path)
    subject = held_out_of(subject, wish) or subject
    ask = replace(ask, outputs=outputs_of(run.path, wish, ask.outputs))
    placed = _placed(subject, recorded_data(run.path, wish), ask)
    save(run.path, placed, mc_dropout_key(placed, wish))
    return placed


def _placed(subject: Subject, data: Data | None, ask: Ask) -> PlacedDropout:
    """On a line, on the examples, or on these and over the plane about them."""
    reading = ask.reading(subject)
    line = None
    if data and data.on_a_line and not reading.classes:
        subject, line, targets = along(subject, data)
    else:
        targets = targets_for(subject, reading)
    found = mc_dropout(subject, ask.draws, reading=reading, targets=targets, plan=ask.plan)
    plane = None
    if data and on_a_plane(data):
        plan = replace(ask.plan, rates=())
        plane = over(
            subject, data, lambda there: mc_dropout(there, ask.draws, reading=reading, plan=plan)
        )
    return PlacedDropout(found, line, plane)


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
