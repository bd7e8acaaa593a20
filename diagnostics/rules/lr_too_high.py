"""The steps are too large: the loss jumps up, or never comes down.

**What it looks at.** How far each weight matrix moves in a step, relative to its size; whether the
loss rises far above its first value; and what is left of it at the end.

**Why it is bad.** Where the rate is above 2 over the curvature, every step overshoots further than
the one before. Units are pushed to where they no longer answer, and stay there.

**Where it comes from.** A rate for another optimizer, batch size or scale of data; no warm-up; a
loss that is a sum where it was a mean.

**What to do.** A third to a tenth of the rate, or a warm-up towards it:

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    warm_up = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=500)

**What it cannot see.** A rate that is somewhat too high and costs the last few per cent. Where
inputs, initialisation or gradients that pile up make the steps large, these are named as the cause.

Reference: update over weight, CS231n; measured healthy runs begin below 0.15 and stay below 0.03.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import Learning, learning
from diagnostics.signs.pace import Pace, pace
from diagnostics.thresholds import thresholds

LIMITS = thresholds("lr_too_high")
EXPLAINS = (
    *("dead_relu", "saturated_activations", "loss_spikes", "nonfinite_loss", "plateau"),
    *("weight_blowup", "underfitting", "no_signal", "vanishing_gradient", "exploding_gradient"),
    *("lr_too_low", "attention_collapse"),
    "label_noise",
)


def lr_too_high(run: Run) -> Verdict:
    """Do large steps come with a loss that rises or stays?"""
    stride, progress = pace(run), learning(run)
    if stride is None:
        return NotEnough("updates and weights are not recorded, or at fewer than three steps")
    if progress is None:
        return NotEnough("no training loss was logged")
    if not stride.shrunk > LIMITS["shrunk"] and not np.isnan(stride.shrunk):
        return None  # weights that wither make any step look large
    for seen in (_jumps(stride, progress), _stays_large(stride, progress)):
        if seen:
            return _finding(run, stride, progress, seen)
    return _leaps(run, stride, progress)


def _leaps(run: Run, stride: Pace, progress: Learning) -> Finding | None:
    """What the weights were drawn as is gone at once, and half of the loss is left."""
    if not (stride.early > LIMITS["leap"] and progress.left > LIMITS["left_leaping"]):
        return None
    seen = Evidence("update / weight, early", stride.early, LIMITS["leap"], "above")
    return replace(_finding(run, stride, progress, (seen,)), confidence=0.65)


def _jumps(stride: Pace, progress: Learning) -> tuple[Evidence, ...]:
    """Early steps are large, the loss rises at once, and does not come down."""
    rise = _rise(progress)
    bad = progress.is_lost or progress.left > LIMITS["left"]
    if not (bad and stride.early > LIMITS["early"] and rise > LIMITS["rise"]):
        return ()
    return (
        Evidence("update / weight, early", stride.early, LIMITS["early"], "above"),
        Evidence("largest loss over the first", rise, LIMITS["rise"], "above"),
    )


def _stays_large(stride: Pace, progress: Learning) -> tuple[Evidence, ...]:
    """Steps stay large to the end, and much of the loss is left."""
    if not (stride.late > LIMITS["late"] and progress.left > LIMITS["left_late"]):
        return ()
    return (
        Evidence("update / weight, late", stride.late, LIMITS["late"], "above"),
        Evidence("share of the loss left", progress.left, LIMITS["left_late"], "above"),
    )


def _rise(progress: Learning) -> float:
    """Of the first half's largest loss over the first one; what is not finite rose beyond all."""
    half = progress.values[: max(2, len(progress.values) // 2)]
    if not (np.isfinite(half[0]) and half[0] > 0):
        return np.nan
    if not np.isfinite(half).all():
        known = half[np.isfinite(half)]
        return float(np.inf if known.max() > half[0] * LIMITS["rise"] else known.max() / half[0])
    return float(half.max() / half[0])


def _finding(run: Run, stride: Pace, progress: Learning, evidence: tuple[Evidence, ...]) -> Finding:
    end = "is not finite" if not progress.finite else f"leaves {progress.left:.0%} of the loss"
    early = int(stride.steps[int(np.nanargmax(stride.ratio[:10]))])
    return Finding(
        disease="lr_too_high",
        severity="error",
        symptom=(
            f"A step moves the weights by up to {np.nanmax(stride.ratio):.2g} of their size, and "
            f"the training {end}."
        ),
        cause="The learning rate is above what the loss's curvature allows: steps overshoot.",
        remedy=(
            "Divide the rate by three to ten, or warm up towards it:\n"
            "    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)\n"
            "    torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters=500)"
        ),
        evidence=evidence,
        layers=(),
        steps=(early, run.last_step),
        confidence=0.75,
        panel="update_ratios",
    )
