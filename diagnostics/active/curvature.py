"""Curvature of a run: at one snapshot, or at all beside what the optimizer bears; stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from diagnostics.active.wish import Wish, subject_of
from diagnostics.curvature import Curvature, Effort, Preconditioner, Progress, curvature
from diagnostics.curvature_history import (
    EDGE_SETTINGS,
    CurvatureHistory,
    Edge,
    curvature_history,
    edge_of,
)
from diagnostics.run import Run
from diagnostics.store import check_writable, save
from diagnostics.weight_space import Floats

if TYPE_CHECKING:
    from diagnostics.subject import Subject


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
    """By the optimizer's settings as they were at each step; of no rule where groups differ.

    The learning rate is that of the first group of the first optimizer.
    """
    first = _first_group(run)
    names = {name: first + name for name in EDGE_SETTINGS if first + name in run.scalar_names}
    if "lr" not in names:
        return None
    kind = _kind(run) if _alike(run, EDGE_SETTINGS, steps) else ""
    return edge_of(kind, {name: _at(run, place, steps) for name, place in names.items()})


def _alike(run: Run, settings: Sequence[str], steps: Sequence[int]) -> bool:
    """Have all groups of all optimizers the same? Else no one number holds for all weights."""
    if len({*run.info.get("optimizers", ())}) > 1:
        return False
    for name in settings:
        of_all = (place for place in run.scalar_names if re.fullmatch(rf"{GROUP}{name}", place))
        if len({tuple(_at(run, place, steps).tolist()) for place in of_all}) > 1:
            return False
    return True


GROUP = r"optimizer/[0-9.]+/"


def _first_group(run: Run) -> str:
    return "optimizer/0.0/" if "optimizer/0.0/lr" in run.scalar_names else "optimizer/0/"


def _kind(run: Run) -> str:
    """The class of the first optimizer."""
    return str(next(iter(run.info.get("optimizers", ())), ""))


def _at(run: Run, name: str, steps: Sequence[int]) -> Floats:
    """A setting is recorded when it changes, and holds until it does again."""
    scalar = run.scalar(name)
    last = np.searchsorted(scalar.steps, steps, "right") - 1
    values: Floats = scalar.values[last.clip(0)]
    return values


ADAM = ("Adam", "AdamW")
SECOND_MOMENTS = (":max_exp_avg_sq", ":exp_avg_sq")  # that of AMSGrad, where it is used


def preconditioner_of(run: Run, subject: Subject) -> Preconditioner | None:
    """Of Adam, tensor by tensor: of its second moments the recording has means, not each."""
    names = _second_moments(run, subject)
    if not names:
        return None
    rows = np.flatnonzero(run.steps("optimizer_state") <= subject.about.step)
    if not len(rows):
        return None
    step = int(run.steps("optimizer_state")[rows[-1]])
    means = run.column("optimizer_state", "mean", names)[rows[-1]]  # [tensor]
    if not _alike(run, ("beta2", "eps"), [step]):
        return None
    place = _first_group(run)
    beta, eps = (float(_at(run, place + name, [step])[0]) for name in ("beta2", "eps"))
    divisor = np.sqrt(means / (1 - beta**step)) + eps
    sizes = [piece.stop - piece.start for piece in subject.pieces]
    if not np.isfinite(divisor).all():
        return None
    root = subject.vector(np.repeat(np.sqrt(divisor), sizes))
    kind = _kind(run)
    return Preconditioner(root, f"√v̂ + ε of {kind} at step {step}, its mean over each tensor")


def _second_moments(run: Run, subject: Subject) -> list[str]:
    """By which the optimizer divides, where it was recorded for every tensor that is varied."""
    if _kind(run) not in ADAM or "optimizer_state" not in run.series:
        return []
    if _first_group(run) + "momentum" in run.scalar_names:  # it went on with another kind
        return []
    for ending in SECOND_MOMENTS:
        names = [piece.name + ending for piece in subject.pieces]
        if set(names) <= run.tensors.keys():
            return names
    return []
