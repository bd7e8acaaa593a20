"""The targets of a regression are large, or far from zero.

**What it looks at.** The rms of the targets, and what is left of the loss, of what the best
constant costs.

**Why it is bad.** A network's first answers are around zero and of order one. It spends its
training on growing towards the targets, with errors, and so gradients, that are too large.

**Where it comes from.** Prices, years or counts in their own units.

**What to do.** Standardise them, and undo it in use:

    y = (y - y_train.mean()) / y_train.std()
    prediction = model(x) * y_train.std() + y_train.mean()

**What it cannot see.** Targets that the loss scales by itself.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.thresholds import thresholds

LIMITS = thresholds("unnormalised_targets")
EXPLAINS = (
    *("exploding_gradient", "lr_too_high", "lr_too_low", "underfitting", "plateau", "dead_relu"),
    *("loss_spikes", "weight_blowup", "saturated_activations", "nonfinite_loss", "no_signal"),
    *("bad_init_scale", "label_noise", "overfitting"),
)
RMS = "batches/target_rms"


def unnormalised_targets(run: Run) -> Verdict:
    """Are targets of a scale that hinders training?"""
    if RMS not in run.scalar_names:
        return NotEnough("targets are classes, or were not seen")
    told, progress = run.scalar(RMS), learning(run)
    if progress is None:
        return NotEnough("no training loss was logged to judge the scale by")
    rms = float(np.nanmedian(told.values))
    if not rms > LIMITS["rms"] or not (progress.is_lost or progress.left > LIMITS["left"]):
        return None
    return Finding(
        disease="unnormalised_targets",
        severity="error",
        symptom=(
            f"Targets have an rms of {rms:.3g}, and the training "
            + ("is lost." if progress.is_lost else f"leaves {progress.left:.0%} of the loss.")
        ),
        cause="A network begins with answers of order one: it must first grow to their scale.",
        remedy=(
            "Standardise them, and undo it in use:\n"
            "    y = (y - y_train.mean()) / y_train.std()\n"
            "    prediction = model(x) * y_train.std() + y_train.mean()"
        ),
        evidence=(Evidence("rms of the targets", rms, LIMITS["rms"], "above"),),
        layers=(),
        steps=(int(told.steps[0]), int(told.steps[-1])),
        confidence=0.95,
        panel="loss_curve",
    )
