"""A landscape of a run: along what it is cut, as far as there is something to see, stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from diagnostics.active.wish import Wish, held_out_of, subject_of
from diagnostics.directions import Direction, eigendirections, placed, random_direction, towards
from diagnostics.lanczos import leading
from diagnostics.loss_landscape import Landscape, growing_landscape
from diagnostics.run import Run
from diagnostics.slices import Grid
from diagnostics.store import RESULTS, check_writable, discard, key_part, save
from diagnostics.tiles import Work
from diagnostics.trajectory import Trajectory, principal_directions, trajectory
from diagnostics.weight_space import Vector
from probes.folder import FathomError

if TYPE_CHECKING:
    from diagnostics.subject import Subject

Along: TypeAlias = Literal["random", "trajectory", "eigenvectors", "towards"]
TILES = "tiles"
UNFINISHED = "_unfinished"  # after the key of what is still being computed


@dataclass(frozen=True)
class Cut:
    """Along what a landscape is cut, and how finely."""

    along: Along = "random"
    axes: int = 2  # 1: a line
    seed: int = 0  # of the first random direction; the second's is the next
    target: int | None = None  # the step that "towards" goes to; None: another run's last
    other: Path | None = None  # the run whose step that is; None: the same
    reach: tuple[float, float] | None = None  # None: as far as there is something to see
    grid: Grid = Grid()  # noqa: RUF009  (frozen)


def landscape_of(run: Run, wish: Wish, cut: Cut, work: Work) -> Landscape:
    """A landscape with the run's way on it, stored under what it was cut along.

    What is known of it meanwhile is stored beside, to be looked at, until it is finished.
    """
    subject = subject_of(run, wish)
    check_writable(run.path)
    held_out, plane = held_out_of(subject, wish), directions_of(subject, cut)
    points = _others(subject)
    grid = replace(cut.grid, reach=cut.reach or _reach(subject, plane, cut, points))
    work = replace(work, folder=run.path / RESULTS / TILES)
    way = _way(run, wish, subject, plane, points)
    for found in growing_landscape(subject, plane, grid, held_out=held_out, work=work):
        surface = replace(found, trajectory=way)
        key = landscape_key(surface, cut)
        save(run.path, surface, key if surface.finished else key + UNFINISHED)
    discard(run.path, Landscape, key + UNFINISHED)
    return surface


def _reach(
    subject: Subject, plane: Sequence[Direction], cut: Cut, points: dict[int, Vector]
) -> tuple[float, float]:
    """As far as there is something to see along such directions."""
    if cut.along == "towards":
        return _past_both(cut.grid.resolution - 1)
    if cut.along == "trajectory":
        furthest = float(np.abs(placed(subject, plane, list(points.values()))[0]).max())
        return (-1.1 * furthest, 1.1 * furthest)
    if cut.along == "eigenvectors":  # to where a parabola of the first would rise ninefold
        first = plane[0].vector
        bend = float(first @ subject.hvp(subject.centre, first))
        far = (16 * max(subject.loss_at(subject.centre), 1e-3) / bend) ** 0.5 if bend > 0 else 1.0
        return (-far, far)
    return (-1.0, 1.0)


def _past_both(gaps: int) -> tuple[float, float]:
    """Half as far again to both sides, about: so that there is a node at 0 and one at 1."""
    between = gaps // 2 + (gaps - gaps // 2) % 2 if gaps > 3 else 1
    before = (gaps - between) // 2
    return (-before / between, (gaps - before) / between)


def landscape_key(found: Landscape, cut: Cut) -> str:
    """What tells it from the run's other landscapes; no more than a file's name may hold."""
    about = found.about
    how = {"random": f"random{cut.seed}", "towards": f"towards{_target(cut)}"}.get(cut.along)
    parts = [how or cut.along, f"{cut.axes}d", f"step{about.step}"]
    parts += [about.statistics.replace("-", ""), *(["classes"] if found.classes else [])]
    return "_".join(parts + (["heldout"] if found.held_out else []))


def _target(cut: Cut) -> str:
    """A step of this run; or another run, and perhaps a step of that."""
    step = "" if cut.target is None else str(cut.target)
    if cut.other is None:
        return step
    return f".{key_part(cut.other.resolve().name)}.{step}".rstrip(".")


def directions_of(subject: Subject, cut: Cut) -> tuple[Direction, ...]:
    if cut.along == "trajectory":
        return principal_directions(subject, list(_others(subject).values()), cut.axes)
    if cut.along == "eigenvectors":
        pairs = leading(subject, subject.hessian_at(subject.centre), cut.axes)
        return eigendirections(pairs.values, pairs.vectors)
    if cut.along == "towards":
        first = towards(subject, *_there(subject, cut))
        return (first, random_direction(subject, cut.seed))[: cut.axes]
    return tuple(random_direction(subject, cut.seed + axis) for axis in range(cut.axes))


def _there(subject: Subject, cut: Cut) -> tuple[Vector, str]:
    """The weights to go towards, and which those are."""
    if cut.other is not None:
        other = subject.at(cut.other, cut.target)
        if bool((other.centre == subject.centre).all()):
            raise FathomError(
                f"step {other.about.step} of {other.about.run} has the very weights of the centre, "
                "so no way leads there; name another step or run."
            )
        return other.centre, f"step {other.about.step} of {other.about.run}"
    if cut.target is None or cut.target == subject.about.step:
        raise FathomError("no other snapshot to go towards was named; give its step.")
    return subject.snapshot(cut.target), f"step {cut.target}"


def _others(subject: Subject) -> dict[int, Vector]:
    """The run's other snapshots."""
    steps = (step for step in subject.snapshots if step != subject.about.step)
    return {step: subject.snapshot(step) for step in steps}


def _way(
    run: Run,
    wish: Wish,
    subject: Subject,
    plane: Sequence[Direction],
    points: dict[int, Vector],
) -> Trajectory | None:
    """Training's way on the plane, where the run has more than one snapshot."""
    if not points:
        return None
    losses = np.array([_own_loss(run, wish, step) for step in points])
    return trajectory(subject, plane, points, losses)


def _own_loss(run: Run, wish: Wish, step: int) -> float:
    """With its own running statistics, which a landscape takes from its centre."""
    own = subject_of(run, replace(wish, step=step))
    return own.loss_at(own.centre)
