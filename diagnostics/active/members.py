"""The members of an ensemble: which weights they are of, and each on the same examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnostics.active.wish import RECORDED, Wish, held_out_of, subject_of
from diagnostics.factory import made_by
from diagnostics.run import Run
from probes.folder import FathomError

if TYPE_CHECKING:
    from diagnostics.subject import Subject

FEWEST = 3  # snapshots of the end of training, where it has kept so many


@dataclass(frozen=True)
class Member:
    """The weights of a run at a step."""

    run: Run
    step: int


@dataclass(frozen=True)
class Company:
    """Members, and the examples that all are put on."""

    members: tuple[Member, ...]
    wish: Wish
    first: Subject
    batch: Any  # those examples, for a network of another program; None: the first makes all

    def subjects(self) -> Iterator[Subject]:
        """Each in turn, on the same examples."""
        yield self.first
        yield from (self._joined(member) for member in self.members[1:])

    def _joined(self, member: Member) -> Subject:
        try:
            return self._put(member)
        except FathomError as error:
            told = f"'{member.run.path}' cannot be put on the examples of the first: {error}"
            raise FathomError(told) from error

    def _put(self, member: Member) -> Subject:
        """Weights say not what is done with them, so another run brings its own program."""
        if self.batch is None:
            return self.first.at(member.run.path, member.step)
        own = subject_of(member.run, replace(self.wish, step=member.step))
        put = own.beside if self.wish.held_out else own.on
        return put(self.batch, self.first.about.data)


def company_of(members: tuple[Member, ...], wish: Wish) -> Company:
    """The first has the examples: its recording's, or those that the user's function gives."""
    first = members[0]
    of_one = wish.subject or all(member.run is first.run for member in members)
    wish = replace(wish, step=first.step)
    subject = subject_of(first.run, wish)
    if wish.held_out in ("", RECORDED):
        subject = held_out_of(subject, wish) or subject
        return Company(members, wish, subject, None if of_one else _recorded(first.run.path, wish))
    batch = made_by(wish.held_out)  # once: it may give others the next time
    subject = subject.beside(batch, f"held-out data of {wish.held_out}")
    return Company(members, wish, subject, None if of_one else batch)


def _recorded(folder: Path, wish: Wish) -> Any:
    from diagnostics.subject.recorded import recorded_program

    recorded = recorded_program(folder)
    return recorded.held_out if wish.held_out else recorded.batch


def members_of(runs: Sequence[Run], step: int | None, snapshots: int | None) -> tuple[Member, ...]:
    """Of several runs one each; of one its latest snapshots, the newest first."""
    if len(runs) == 1:
        return tuple(Member(runs[0], each) for each in _latest(runs[0], step, snapshots))
    if snapshots is not None:
        raise FathomError(
            f"snapshots={snapshots} are of one run, and {len(runs)} runs are given; give one of "
            "them alone, or leave the snapshots out."
        )
    paths = [run.path.resolve() for run in runs]
    if twice := [path for path in paths if paths.count(path) > 1]:
        raise FathomError(f"'{twice[0]}' is given twice; give each run once.")
    return tuple(Member(run, _there(run)[-1] if step is None else step) for run in runs)


def _latest(run: Run, step: int | None, snapshots: int | None) -> list[int]:
    """So many up to a step; if no number is asked, those of the last half of training."""
    there = [each for each in _there(run) if step is None or each <= step]
    if step is not None and step not in there:
        raise FathomError(
            f"no snapshot of step {step} in '{run.path}' "
            f"(there are: {', '.join(map(str, _there(run)))})."
        )
    late = sum(2 * each >= there[-1] for each in there)
    wanted = max(late, FEWEST) if snapshots is None else snapshots
    if min(wanted, len(there)) < max(2, snapshots or 0):
        many = f"{len(there)} snapshot{'s' if len(there) > 1 else ''} up to step {there[-1]}"
        asked = f"{wanted} are asked for; ask for fewer, or" if snapshots else "two are the least;"
        raise FathomError(f"'{run.path}' has {many}, and {asked} give several runs.")
    return there[-wanted:][::-1]


def _there(run: Run) -> tuple[int, ...]:
    if not run.snapshots:
        raise FathomError(
            f"'{run.path}' holds no snapshots, and so no weights; add probes.Snapshots() to the "
            "Recorder."
        )
    return run.snapshots


def names_of(members: Sequence[Member]) -> tuple[str, ...]:
    """As short as still tells them apart."""
    if all(member.run is members[0].run for member in members):
        return tuple(f"step {member.step}" for member in members)
    names = [member.run.name for member in members]
    if len(set(names)) < len(names):
        names = [str(member.run.path) for member in members]
    if len({member.step for member in members}) == 1:
        return tuple(names)
    return tuple(f"{name} at step {m.step}" for name, m in zip(names, members, strict=True))
