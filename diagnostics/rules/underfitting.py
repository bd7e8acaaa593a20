"""The model is too small for the task: training is sound, and its loss stays high.

**What it looks at.** What is left of the training loss when it no longer falls, whether validation
is as bad, and how few numbers the narrowest layer hands on, or how few parameters there are.

**Why it is bad.** More training does not help: the function is not among those the model can be.

**Where it comes from.** A layer of a few units in the way, or no hidden layer at all.

**What to do.** Widen the narrowest layer, add one, or another nonlinearity; then train longer:

    nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 3))

**What it cannot see.** Noise in the targets, which looks the same and which no model removes: only
a small model is called too small. A model that is large enough and trained too little is
`lr_too_low`, `plateau`, or simply not done.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.capacity import Capacity, capacity
from diagnostics.signs.learning import Learning, learning
from diagnostics.signs.linearity import linearity
from diagnostics.signs.losses import losses
from diagnostics.thresholds import thresholds

LIMITS = thresholds("underfitting")
EXPLAINS = ("plateau", "no_signal")


def underfitting(run: Run) -> Verdict:
    """Does a small model stop far from the goal?"""
    progress, size = learning(run), capacity(run)
    if progress is None or not np.isfinite(progress.chance):
        return NotEnough("no training loss was logged, or what guessing costs is not known")
    if size is None:
        return NotEnough("no weight matrices are recorded")
    limit = LIMITS["left_behind" if size.narrowest <= LIMITS["bottleneck"] else "left"]
    if progress.is_lost or not progress.left > limit or not _is_flat(progress):
        return None
    straight = linearity(run)
    small = size.narrowest <= LIMITS["narrowest"] or size.per_example < LIMITS["per_example"]
    small = small or (straight is not None and straight.share > LIMITS["linear"])
    if not small or _is_gap(run, progress):
        return None
    return _finding(run, progress, size, limit)


def _is_flat(progress: Learning) -> bool:
    """Does the last third bring little of what is left?"""
    smooth = progress.smooth
    third = len(smooth) // 3
    before, after = np.median(smooth[-2 * third : -third]), np.median(smooth[-third:])
    return bool(before - after < LIMITS["falls"] * progress.chance)


def _is_gap(run: Run, progress: Learning) -> bool:
    """Is validation much worse than training? Then it is not too small."""
    validation = losses(run).validation
    if validation is None or not len(validation.values):
        return False
    return bool(validation.values[-1] - progress.end > LIMITS["gap"] * progress.chance)


def _finding(run: Run, progress: Learning, size: Capacity, limit: float) -> Finding:
    return Finding(
        disease="underfitting",
        severity="error",
        symptom=(
            f"The training loss has stopped at {progress.end:.3g}, {progress.left:.0%} of what "
            "guessing costs."
        ),
        cause=(
            f"The model has {size.parameters:,} parameters, and its narrowest layer hands on "
            f"{size.narrowest} numbers: too few for this task."
        ),
        remedy=(
            "Widen the narrowest layer, or add one:\n"
            "    nn.Sequential(nn.Linear(n, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), …)"
        ),
        evidence=tuple(e for e in _measured(progress, size, limit) if e.has_passed),
        layers=(size.layer,),
        steps=(int(progress.steps[len(progress.steps) // 3]), run.last_step),
        confidence=0.7,
        panel="loss_curve",
    )


def _measured(progress: Learning, size: Capacity, limit: float) -> tuple[Evidence, ...]:
    per_example = LIMITS["per_example"]
    return (
        Evidence("share of the loss left", progress.left, limit, "above"),
        Evidence("width of the narrowest layer", size.narrowest, LIMITS["narrowest"], "below"),
        Evidence("parameters / examples seen", size.per_example, per_example, "below"),
    )
