"""Several trained networks together on the same examples, stored in the first one's folder.

A deep ensemble: the last weights of several runs. A snapshot ensemble: the late weights of one. A
function of one number is also drawn along a line that goes on beyond its data, where members part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from diagnostics.active.line import Data, Line, along, recorded_data
from diagnostics.active.members import Company, company_of, members_of, names_of
from diagnostics.active.reading import outputs_of, read_as, targets_for
from diagnostics.active.wish import Wish
from diagnostics.ensemble import OTHER_DATA, Ensemble, Kind, ensemble
from diagnostics.run import Run
from diagnostics.shown import Shown
from diagnostics.store import check_writable, key_part, load, save, saved
from diagnostics.uncertainty import Outputs, Reading
from probes.folder import RunError

if TYPE_CHECKING:
    from diagnostics.subject import Subject


@dataclass(frozen=True)
class Along:
    """The same members on a line."""

    line: Line
    ensemble: Ensemble


@dataclass(frozen=True)
class PlacedEnsemble(Shown):
    """An ensemble on the examples; and along the line that they are on."""

    ensemble: Ensemble
    along: Along | None  # None: they have more numbers than one, or it is not known which


@dataclass(frozen=True)
class Ask:
    """Which snapshots of a single run, and how the predictions are read."""

    snapshots: int | None = None  # the last so many; None: those of the last half of training
    outputs: Outputs | None = None  # None: as the targets say
    noise: float | None = None  # standard deviation of the targets' noise, where it is known

    def reading(self, subject: Subject) -> Reading:
        return read_as(subject, self.outputs, self.noise)


@dataclass(frozen=True)
class _Told:
    """What members do not say themselves."""

    kind: Kind
    names: tuple[str, ...]
    reading: Reading

    def together(self, subjects: Iterable[Subject], targets: NDArray[Any] | None) -> Ensemble:
        """That they are of unlike programs is no doubt here: all were put on the same examples."""
        found = ensemble(subjects, reading=self.reading, targets=targets, names=self.names)
        seen = tuple(each for each in found.findings if each.disease != OTHER_DATA.disease)
        return replace(found, kind=self.kind, findings=seen)


def ensemble_of(runs: Sequence[Run], wish: Wish, ask: Ask | None = None) -> PlacedEnsemble:
    """Of several runs, or of the snapshots of one; on the first one's examples."""
    ask = ask or Ask()
    members = members_of(runs, wish.step, ask.snapshots)
    check_writable(runs[0].path)
    company = company_of(members, wish)
    data = recorded_data(runs[0].path, wish)
    ask = replace(ask, outputs=outputs_of(runs[0].path, wish, ask.outputs))
    reading = ask.reading(company.first)
    told = _Told("runs" if len(runs) > 1 else "snapshots", names_of(members), reading)
    found = told.together(company.subjects(), targets_for(company.first, reading))
    lined = None if reading.classes else _along(company, data, told)
    placed = PlacedEnsemble(found, lined)
    save(runs[0].path, placed, ensemble_key(placed, wish))
    return placed


def ensemble_key(placed: PlacedEnsemble, wish: Wish) -> str:
    of = placed.ensemble
    who = sha256("\n".join(of.names).encode()).hexdigest()[:6]
    held_out = f"_{key_part(wish.held_out)}.held.out" if wish.held_out else ""
    statistics = of.about.statistics.replace("-", "")
    return f"{of.kind}_step{of.about.step}_{statistics}{held_out}_{len(of.names)}.{who}"


def stored_ensemble(folder: str | Path, key: str) -> PlacedEnsemble:
    """Also one that was stored as it is, without a line."""
    try:
        return load(folder, PlacedEnsemble, key)
    except RunError as error:
        if key not in saved(folder, Ensemble):
            raise
        try:
            return PlacedEnsemble(load(folder, Ensemble, key), None)
        except RunError:
            raise error from None


def _along(company: Company, data: Data | None, told: _Told) -> Along | None:
    """None where some members' programs take other places, and others do not."""
    if data is None or not data.on_a_line:
        return None
    found = [along(subject, data) for subject in company.subjects()]
    subjects, lines, targets = zip(*found, strict=True)
    if len({len(line.places) for line in lines}) > 1:
        return None
    return Along(lines[0], told.together(subjects, targets[0]))
