"""The analyses that compute rather than read: of a run, along what is asked, stored in the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from diagnostics.curvature import Curvature, Effort, Preconditioner, Progress, curvature
from diagnostics.curvature_history import CurvatureHistory, Edge, curvature_history, edge_of
from diagnostics.directions import Direction, eigendirections, placed, random_direction, towards
from diagnostics.lanczos import leading
from diagnostics.loss_landscape import Landscape, loss_landscape
from diagnostics.run import Run
from diagnostics.slices import Grid
from diagnostics.store import RESULTS, check_writable, save
from diagnostics.tiles import Work
from diagnostics.trajectory import principal_directions, trajectory
from diagnostics.weight_space import About, Floats, Vector
from probes.folder import FathomError

if TYPE_CHECKING:
    from diagnostics.subject import Subject
    from diagnostics.subject_losses import Statistics

Along: TypeAlias = Literal["random", "trajectory", "eigenvectors", "towards"]
ALONG: tuple[Along, ...] = ("random", "trajectory", "eigenvectors", "towards")
TILES = "tiles"


@dataclass(frozen=True)
class Wish:
    """Of which weights: a snapshot, and how its loss is taken."""

    step: int | None = None  # None: the last
    statistics: Statistics = "running"
    subject: str = ""  # "module:factory", where the run has no program
    device: str = "cpu"


@dataclass(frozen=True)
class Cut:
    """Along what a landscape is cut, and how finely."""

    along: Along = "random"
    axes: int = 2  # 1: a line
    seed: int = 0  # of the first random direction; the second's is the next
    target: int | None = None  # the step that "towards" goes to
    reach: tuple[float, float] | None = None  # None: as far as there is something to see
    grid: Grid = Grid()  # noqa: RUF009  (frozen)


def subject_of(run: Run, wish: Wish) -> Subject:
    """From the recording alone where it has a program; else by the user's own function."""
    if wish.subject:
        from diagnostics.subject import Subject

        made = Subject.made_by(wish.subject, wish.statistics)
        found = made.at(run.path, wish.step)
    else:
        found = run.subject(wish.step, wish.statistics)
    return found if wish.device == "cpu" else found.to(wish.device)


def landscape_of(run: Run, wish: Wish, cut: Cut, work: Work) -> Landscape:
    """A landscape with the run's way on it, stored under what it was cut along."""
    subject = subject_of(run, wish)
    check_writable(run.path)
    plane = directions_of(subject, cut)
    points = _others(subject)
    grid = replace(cut.grid, reach=cut.reach or _reach(subject, plane, cut, points))
    work = replace(work, folder=run.path / RESULTS / TILES)
    surface = loss_landscape(subject, plane, grid, work=work)
    if points:
        losses = np.array([_own_loss(run, wish, step) for step in points])
        surface = replace(surface, trajectory=trajectory(subject, plane, points, losses))
    save(run.path, surface, landscape_key(surface.about, cut))
    return surface


def _reach(
    subject: Subject, plane: Sequence[Direction], cut: Cut, points: dict[int, Vector]
) -> tuple[float, float]:
    """As far as there is something to see along such directions."""
    if cut.along == "towards":
        return (-0.5, 1.5)
    if cut.along == "trajectory":
        furthest = float(np.abs(placed(subject, plane, list(points.values()))[0]).max())
        return (-1.1 * furthest, 1.1 * furthest)
    if cut.along == "eigenvectors":  # to where a parabola of the first would rise ninefold
        first = plane[0].vector
        bend = float(first @ subject.hvp(subject.centre, first))
        far = (16 * max(subject.loss_at(subject.centre), 1e-3) / bend) ** 0.5 if bend > 0 else 1.0
        return (-far, far)
    return (-1.0, 1.0)


def landscape_key(about: About, cut: Cut) -> str:
    """What tells it from the run's other landscapes; no more than a file's name may hold."""
    how = {"random": f"random{cut.seed}", "towards": f"towards{cut.target}"}.get(cut.along)
    parts = (how or cut.along, f"{cut.axes}d", f"step{about.step}")
    return "_".join((*parts, about.statistics.replace("-", "")))


def directions_of(subject: Subject, cut: Cut) -> tuple[Direction, ...]:
    if cut.along == "trajectory":
        return principal_directions(subject, list(_others(subject).values()), cut.axes)
    if cut.along == "eigenvectors":
        pairs = leading(subject, subject.hessian_at(subject.centre), cut.axes)
        return eigendirections(pairs.values, pairs.vectors)
    if cut.along == "towards":
        return _towards(subject, cut)
    return tuple(random_direction(subject, cut.seed + axis) for axis in range(cut.axes))


def _towards(subject: Subject, cut: Cut) -> tuple[Direction, ...]:
    if cut.target is None or cut.target == subject.about.step:
        raise FathomError("no other snapshot to go towards was named; give its step.")
    first = towards(subject, subject.snapshot(cut.target), f"step {cut.target}")
    return (first, random_direction(subject, cut.seed))[: cut.axes]


def _others(subject: Subject) -> dict[int, Vector]:
    """The run's other snapshots."""
    steps = (step for step in subject.snapshots if step != subject.about.step)
    return {step: subject.snapshot(step) for step in steps}


def _own_loss(run: Run, wish: Wish, step: int) -> float:
    """With its own running statistics, which a landscape takes from its centre."""
    own = subject_of(run, replace(wish, step=step))
    return own.loss_at(own.centre)


def curvature_of(
    run: Run, wish: Wish, effort: Effort, progress: Progress | None = None
) -> Curvature:
    """At one snapshot, stored under its step."""
    subject = subject_of(run, wish)
    check_writable(run.path)
    by = preconditioner_of(run, subject)
    found = curvature(subject, effort, preconditioner=by, progress=progress)
    save(run.path, found, curvature_key(found))
    return found


def curvature_key(found: Curvature) -> str:
    return f"step{found.about.step}_{found.about.statistics.replace('-', '')}"


def curvatures_of(
    run: Run, wish: Wish, effort: Effort, progress: Progress | None = None
) -> CurvatureHistory:
    """At every snapshot, each stored, and their history beside what the optimizer bears."""
    steps = subject_of(run, wish).snapshots
    found: list[Curvature] = []
    for n, step in enumerate(steps):
        tell = _shifted(progress, n, len(steps)) if progress else None
        found.append(curvature_of(run, replace(wish, step=step), effort, tell))
    history = curvature_history(found, recorded_edge(run, steps))
    save(run.path, history, history.about.statistics.replace("-", ""))
    return history


def _shifted(progress: Progress, done: int, rounds: int) -> Progress:
    """As if all the rounds were one; a round may spend less than it is allowed."""
    return lambda spent, most: progress(done * most + spent, rounds * most)


def recorded_edge(run: Run, steps: Sequence[int]) -> Edge | None:
    """By the settings of the first group of the first optimizer, as they were at each step."""
    first = "optimizer/0.0/" if "optimizer/0.0/lr" in run.scalar_names else "optimizer/0/"
    names = {
        name: first + name
        for name in ("lr", "momentum", "beta1")
        if first + name in run.scalar_names
    }
    if "lr" not in names:
        return None
    return edge_of({name: _at(run, place, steps) for name, place in names.items()})


def _at(run: Run, name: str, steps: Sequence[int]) -> Floats:
    """A setting is recorded when it changes, and holds until it does again."""
    scalar = run.scalar(name)
    last = np.searchsorted(scalar.steps, steps, "right") - 1
    values: Floats = scalar.values[last.clip(0)]
    return values


SECOND_MOMENT = ":exp_avg_sq"


def preconditioner_of(run: Run, subject: Subject) -> Preconditioner | None:
    """Of Adam, tensor by tensor: of its second moments the recording has means, not each."""
    names = [piece.name + SECOND_MOMENT for piece in subject.pieces]
    if "optimizer_state" not in run.series or not set(names) <= run.tensors.keys():
        return None
    rows = np.flatnonzero(run.steps("optimizer_state") <= subject.about.step)
    if not len(rows):
        return None
    step = int(run.steps("optimizer_state")[rows[-1]])
    means = run.column("optimizer_state", "mean", names)[rows[-1]]  # [tensor]
    place = "optimizer/0.0/" if "optimizer/0.0/lr" in run.scalar_names else "optimizer/0/"
    beta, eps = (float(_at(run, place + name, [step])[0]) for name in ("beta2", "eps"))
    divisor = np.sqrt(means / (1 - beta**step)) + eps
    sizes = [piece.stop - piece.start for piece in subject.pieces]
    if not np.isfinite(divisor).all():
        return None
    root = subject.vector(np.repeat(np.sqrt(divisor), sizes))
    return Preconditioner(root, f"√v̂ + ε of Adam at step {step}, its mean over each tensor")
