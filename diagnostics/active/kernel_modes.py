"""Kernel modes of a run from one snapshot on: what of each was learnt, beside what was to be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from diagnostics.active.descent import descent_of
from diagnostics.active.wish import Wish, held_out_of, subject_of
from diagnostics.kernel_modes import KernelModes, Learning, kernel_modes
from diagnostics.learned_function import LearnedFunction, recorded_function
from diagnostics.run import FathomError, Run
from diagnostics.store import check_writable, key_part, save
from diagnostics.weight_space import Floats

if TYPE_CHECKING:
    from diagnostics.subject import Subject

ALIKE = 1e-3  # how far recorded and computed residuals may be apart, of the largest
POINTS = 500  # examples that a kernel is seen on
UNTRAINED = "it is not these examples that were trained on"


def kernel_modes_of(run: Run, wish: Wish) -> KernelModes:
    """The kernel at the wish's step, by default at the first snapshot; measured from there on."""
    seen = learning_of(run, wish)
    descent = UNTRAINED if wish.held_out else descent_of(run, int(seen.steps[-1]))
    found = kernel_modes(seen, descent)
    save(run.path, found, kernel_modes_key(found, wish))
    return found


def learning_of(run: Run, wish: Wish, most: int = POINTS) -> Learning:
    """At snapshots; between them as it was predicted in training, where that was recorded.

    Of more than `most` examples every so-many-th.
    """
    from diagnostics.subject.learning import learning

    subject = subject_of(run, wish)
    check_writable(run.path)
    subject = held_out_of(subject, wish) or subject
    seen = learning(subject, most=most, since=wish.step)
    return seen if wish.held_out or wish.subject else with_recorded(run, subject, seen)


def with_recorded(run: Run, subject: Subject, seen: Learning) -> Learning:
    """At more steps, by predictions recorded in training: of the same examples, if they agree."""
    learned = _recorded(run)
    if learned is None or learned.values.shape[1] != subject.about.examples:
        return seen
    count, shape = len(learned.steps), seen.residuals.shape[1:]
    known = (learned.values - learned.target)[:, _looked_at(subject, seen)]
    if known[0].size != np.prod(shape):  # not all outputs were recorded, or one is looked at
        return seen
    known = known.reshape(count, *shape)
    if not agree(seen, learned.steps, known):
        return seen
    new = (learned.steps > seen.steps[0]) & ~np.isin(learned.steps, seen.steps)
    new &= learned.steps < seen.steps[-1]  # of later ones no weights were finite
    steps = np.concatenate([seen.steps, learned.steps[new]])
    order, together = np.argsort(steps), np.concatenate([seen.residuals, known[new]])
    return replace(seen, steps=steps[order], residuals=together[order])


def _recorded(run: Run) -> LearnedFunction | None:
    if "outputs" not in run.array_names:
        return None
    try:
        learned = recorded_function(run)
    except FathomError:  # too little of it was recorded to compare
        return None
    return learned if learned.has_target else None


def _looked_at(subject: Subject, seen: Learning) -> NDArray[np.int64]:
    """Of many examples every so-many-th."""
    most = seen.about.examples
    return np.arange(most) * subject.about.examples // most


def agree(seen: Learning, steps: NDArray[np.int64], known: Floats) -> bool:
    """Wherever both are known."""
    both, at, other = np.intersect1d(seen.steps, steps, return_indices=True)
    apart = np.abs(seen.residuals[at] - known[other])
    return bool(len(both) and apart.max() <= ALIKE * np.abs(seen.residuals).max())


def kernel_modes_key(found: KernelModes, wish: Wish) -> str:
    held_out = f"_{key_part(wish.held_out)}.held.out" if wish.held_out else ""
    return f"step{found.steps[0]}{held_out}"
