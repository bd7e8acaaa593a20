"""Is a remedy's effect larger than chance, and large enough to be worth it?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from diagnostics.treatment.treatment import Curves, Floats, Judge, Verdict

LEAST = -math.log(0.9)  # a loss lower by a tenth
SHORTEST = 0.1  # of the run: a shorter trial can reject, and not accept
LAST = 0.25  # of the looks, over which the final loss is smoothed
ALIKE = 1e-3  # of the first loss: losses below that are all alike
DIVERGED = 1e6  # times the first loss: what a loss that is not finite counts as
SPREAD = math.log(4)  # beyond which a ratio says no more about chance


def effects(trials: Sequence[Curves], controls: Sequence[Curves], which: Judge) -> Floats:
    """The log ratio of each trial's final loss to that of its own control."""
    pairs = zip(trials, controls, strict=True)
    return np.array([_log_ratio(_of(t, which), _of(c, which)) for t, c in pairs])


def _of(curves: Curves, which: Judge) -> Floats:
    return curves.training if which == "training" else curves.held_out


def _log_ratio(trial: Floats, control: Floats) -> float:
    """Of losses that may be infinite; of such as pass below zero, the difference by their size."""
    new, old = final(trial), final(control)
    if math.isnan(new) or math.isnan(old):
        return math.nan
    first = abs(control[0]) if math.isfinite(control[0]) else 1.0
    if math.isinf(new) and math.isinf(old):
        return 0.0
    if min(new, old) < 0:
        new, old = (min(loss, DIVERGED * first) for loss in (new, old))
        return (new - old) / max(abs(old), abs(new), first)
    new, old = (min(loss, DIVERGED * first) + ALIKE * first for loss in (new, old))
    return math.log(new / old) if new and old else 0.0


def final(losses: Floats) -> float:
    """Smoothed over the last looks."""
    return float(losses[-max(1, round(LAST * (len(losses) - 1))) :].mean())


def estimate(found: Floats, null: float) -> tuple[float, float]:
    """Mean and standard error over seeds, which of one seed is not known unless by the null."""
    if len(found) < 2:
        return float(found.mean()), null
    return float(found.mean()), float(found.std(ddof=1) / math.sqrt(len(found)))


def null_effect(controls: Sequence[Curves], which: Judge) -> float:
    """How far apart two untreated trials are that differ by their seeds alone; NaN of one."""
    if len(controls) < 2:
        return math.nan
    pairs = pairwise(controls)
    apart = [abs(_log_ratio(_of(a, which), _of(b, which))) for a, b in pairs]
    return min(float(np.mean(apart)), SPREAD)


@dataclass(frozen=True)
class Findings:
    """What a verdict goes by."""

    judge: Judge
    training: Floats  # [seed]  effects
    held_out: Floats  # [seed]  NaN without held-out data
    null: float  # of the loss that judges it
    share: float  # of the run, that a trial lasts


def verdict(found: Findings) -> tuple[Verdict, str]:
    """And why."""
    is_training = found.judge == "training"
    judged, what = (found.training, "training") if is_training else (found.held_out, "held-out")
    effect = float(judged.mean())
    # Whether a loss falls to a tenth or to a hundredth is no reason to doubt that it falls.
    narrowed, error = estimate(np.clip(judged, -SPREAD, SPREAD), found.null)
    if math.isnan(effect):
        return "undecided", "there is no held-out data to judge it by"
    if effect > -LEAST:
        return "rejected", f"the {what} loss is not lower by {1 - math.exp(-LEAST):.0%}"
    if is_training and found.held_out.mean() >= 0:
        return "rejected", "the training loss is lower, but the held-out one is not"
    if narrowed > -2 * error:
        return "undecided", "the effect is within two standard errors of none"
    if effect > -found.null:
        return "undecided", "another seed alone makes as large a difference"
    if found.share < SHORTEST:
        return "undecided", f"a trial of {found.share:.0%} of the run can only reject"
    if np.isnan(found.held_out).any():
        return "accepted", "the training loss is lower; there is no held-out data to look at"
    both = "the training loss is lower, and so is the held-out one"
    return "accepted", both if is_training else "the held-out loss is lower"
