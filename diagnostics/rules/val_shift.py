"""The validation data are distributed otherwise than the training data.

**What it looks at.** Mean and standard deviation of each input column, in training and in forward
passes without gradients; and whether validation is the worse for it.

**Why it is bad.** The validation measures something else than what is trained for: early stopping
and every choice made by it go astray.

**Where it comes from.** A split by time, place or file; a preprocessing that one of them did not
get; augmentation that reaches too far.

**What to do.** Split anew, at random, and preprocess both with the training data's numbers:

    train, validation = random_split(data, [0.8, 0.2])

**What it cannot see.** Inputs that are token ids; a change in how the answers follow from them.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.columns import columns
from diagnostics.signs.learning import learning
from diagnostics.signs.losses import losses
from diagnostics.thresholds import thresholds

LIMITS = thresholds("val_shift")
EXPLAINS = ("overfitting", "bn_running_stats", "no_signal", "label_noise", "wrong_objective")


def val_shift(run: Run) -> Verdict:
    """Do the columns' means and widths agree?"""
    found = columns(run)
    if found is None or not len(found.shift):
        return NotEnough("no validation was seen, or its inputs are token ids")
    moved = np.abs(found.shift) > np.maximum(LIMITS["shift"], LIMITS["errors"] * found.error)
    scaled = np.abs(found.scale) > np.maximum(LIMITS["scale"], LIMITS["errors"] * found.error)
    share = float((moved | scaled).mean())
    if not share > LIMITS["share"] or not _harms(run):
        return None
    shift, scale = (float(np.median(np.abs(x[moved | scaled]))) for x in (found.shift, found.scale))
    return Finding(
        disease="val_shift",
        severity="error",
        symptom=(
            f"In {share:.0%} of the input's columns validation differs from training: by "
            f"{shift:.2g} standard deviations in the mean, by a factor of {np.exp(scale):.2g} in "
            "width."
        ),
        cause="They were split by something that matters, or preprocessed apart.",
        remedy=(
            "Split at random, and preprocess both with the training data's numbers:\n"
            "    train, validation = random_split(data, [0.8, 0.2])"
        ),
        evidence=(Evidence("share of columns that differ", share, LIMITS["share"], "above"),),
        layers=(),
        steps=(found.step, run.last_step),
        confidence=0.95,
        panel="loss_curve",
    )


def _harms(run: Run) -> bool:
    """Is validation worse than training, and not good by itself?"""
    validation, progress = losses(run).validation, learning(run)
    if validation is None or progress is None or not len(validation.values):
        return True  # nothing speaks against it
    unit = progress.chance if np.isfinite(progress.chance) else abs(progress.begin)
    apart = float(np.median(validation.values[-2:])) - progress.end
    return not apart < LIMITS["gap"] * unit and not progress.score >= LIMITS["score"]
