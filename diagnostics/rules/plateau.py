"""The loss stopped moving early, with most of it left.

**What it looks at.** The smoothed training loss, in units of what guessing costs, where that is
known.

**Why it is bad.** It is the symptom of nearly everything that can be wrong. Where the cause is
known, the cause is told, and this with it.

**Where it comes from.** A rate too low or far too high, units that died, gradients that vanish,
inputs that say nothing, labels that do not follow them, a model too small.

**What to do.** Overfit a single batch first: where even that fails, the fault is in the model or in
its loss, and else in the data or in the length of the steps:

    for step in range(1000): train_on(first_batch)

**What it cannot see.** How much of the loss is noise that no model removes: where something was
learnt, it is no more than a hint. Tasks whose loss is not cross-entropy or squared error.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.thresholds import thresholds

LIMITS = thresholds("plateau")


def plateau(run: Run) -> Verdict:
    """Is most of the loss left, and has it not moved for long?"""
    progress = learning(run)
    if progress is None or not np.isfinite(progress.chance):
        return NotEnough("no training loss was logged, or what guessing costs is not known")
    smooth = progress.smooth
    if not progress.finite:
        return None
    if len(smooth) < LIMITS["values"]:
        return NotEnough("too few losses were logged so far")
    if not progress.left > LIMITS["left"]:
        return None
    early = float(np.min(smooth[: len(smooth) // 2]))
    fell = (early - float(np.median(smooth[-len(smooth) // 10 :]))) / progress.chance
    if fell > LIMITS["fell"]:
        return None
    start = int(progress.steps[len(progress.steps) // 2])
    return Finding(
        disease="plateau",
        severity="warning" if progress.left > LIMITS["nothing"] else "hint",
        symptom=(
            f"{progress.left:.0%} of the loss is left, and over the second half of the run it fell "
            f"by {max(fell, 0.0):.1%} of what guessing costs."
        ),
        cause="Training does not get on; the numbers that are recorded do not say why.",
        remedy=(
            "Overfit a single batch: where that fails, look at model and loss; else at the data "
            "and the rate:\n"
            "    for step in range(1000): train_on(first_batch)"
        ),
        evidence=(
            Evidence("share of the loss left", progress.left, LIMITS["left"], "above"),
            Evidence("fall over the second half", fell, LIMITS["fell"], "below"),
        ),
        layers=(),
        steps=(start, run.last_step),
        confidence=0.7,
        panel="loss_curve",
    )
