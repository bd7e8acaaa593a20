"""The schedule takes the learning rate away long before the training is done.

**What it looks at.** The rate at every step, and what was left of the loss when it was gone; and a
warm-up that is still on its way at the end.

**Why it is bad.** What comes after is idle: steps of nothing.

**Where it comes from.** A schedule that counts epochs is stepped once a batch, or one that counts
steps once an epoch; a total number of steps that is not this run's.

**What to do.** Step it in the unit that it was made for:

    for epoch in range(epochs):
        for batch in loader: …
        scheduler.step()                     # once an epoch, for StepLR(optimizer, 30)

**What it cannot see.** A schedule that is merely not the best one.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import Learning, learning
from diagnostics.signs.movement import rate
from diagnostics.thresholds import thresholds

LIMITS = thresholds("scheduler_misuse")
EXPLAINS = ("lr_too_low", "plateau", "underfitting", "no_signal", "no_update")


def scheduler_misuse(run: Run) -> Verdict:
    """Is the rate gone while much of the loss is left?"""
    progress = learning(run)
    if progress is None:
        return NotEnough("no training loss was logged")
    rates = rate(run, progress.steps)
    if np.isnan(rates).all():
        return NotEnough("the learning rate is not recorded")
    if progress.is_lost or not progress.left > LIMITS["left"]:
        return None
    share = rates / np.nanmax(rates)
    gone = np.flatnonzero(share < LIMITS["share"])
    top = int(np.nanargmax(share))
    if len(gone) and gone[-1] > top and gone[gone > top][0] < LIMITS["when"] * len(rates):
        return _gone(run, progress, int(progress.steps[gone[gone > top][0]]))
    half = float(share[len(share) // 2])
    if top > LIMITS["late"] * len(share) and half < LIMITS["half"] and share[0] < half:
        return _still_rising(run, progress, half)
    return None


def _still_rising(run: Run, progress: Learning, half: float) -> Finding:
    told = f"The rate still rises at the end of the run; {progress.left:.0%} of the loss is left."
    passed = Evidence("rate midway / at the end", half, LIMITS["half"], "below")
    return _finding(run, progress, told, (passed, int(progress.steps[0])))


def _gone(run: Run, progress: Learning, when: int) -> Finding:
    place = when / max(1, run.last_step)
    told = (
        f"At step {when:,}, {place:.0%} of the run, the rate is below {LIMITS['share']:g} of its "
        f"height; {progress.left:.0%} of the loss is left."
    )
    passed = Evidence("share of the run when it was gone", place, LIMITS["when"], "below")
    return _finding(run, progress, told, (passed, when))


def _finding(run: Run, progress: Learning, symptom: str, found: tuple[Evidence, int]) -> Finding:
    return Finding(
        disease="scheduler_misuse",
        severity="error",
        symptom=symptom,
        cause="The schedule counts in another unit than it is stepped in, or for another length.",
        remedy=(
            "Step it in its own unit, once an epoch or once a batch, and give it this length:\n"
            "    torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)"
        ),
        evidence=(
            found[0],
            Evidence("share of the loss left", progress.left, LIMITS["left"], "above"),
        ),
        layers=(),
        steps=(found[1], run.last_step),
        confidence=0.9,
        panel="loss_curve",
    )
