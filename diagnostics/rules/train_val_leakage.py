"""Validation rows are training rows.

**What it looks at.** Fingerprints of the rows that the model was given in training and of those it
was given without gradients: the share of the latter that are among the former.

**Why it is bad.** Overfitting cannot be seen: what was learnt by heart is asked for again.

**Where it comes from.** A split that was made after rows were repeated, augmented or drawn with
replacement; the same file given twice.

**What to do.** Split first, by what must stay together:

    GroupShuffleSplit(test_size=0.2).split(x, y, groups=patient)

**What it cannot see.** Rows that are nearly the same; and of large data only so many are looked at:
a tenth that is seen again is enough.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.thresholds import thresholds

LIMITS = thresholds("train_val_leakage")
EXPLAINS = ("loss_too_good",)
SEEN, KNOWN = "validation/seen", "validation/known"
TWICE = ("batches/duplicates", "batches/repeats")
ALIKE, SIZE = "validation/duplicates", "validation/size"
FIRST = 4  # looks, before the data are gone through once


def train_val_leakage(run: Run) -> Verdict:
    """Were validation rows trained on?"""
    if SEEN not in run.scalar_names:
        return NotEnough("no validation was seen: no forward pass without gradients")
    told, known = run.scalar(SEEN), run.scalar(KNOWN)
    enough = known.values >= LIMITS["known"]
    if not enough.any():
        return NotEnough("too few training rows were looked at so far")
    share = float(np.nanmax(told.values[enough]))
    ordinary = max(*(_early(run, name) for name in TWICE), _by_chance(run, known.values.max()))
    if not share > max(LIMITS["share"], LIMITS["times"] * ordinary):
        return None
    steps = told.steps[enough & (told.values > LIMITS["share"])]
    return Finding(
        disease="train_val_leakage",
        severity="error",
        symptom=(
            f"{share:.0%} of the validation's rows are among the {known.values.max():,.0f} "
            "training rows that were looked at."
        ),
        cause="Training and validation data overlap: the split was made too late, or not at all.",
        remedy=(
            "Split before rows are repeated or augmented:\n"
            "    train, validation = random_split(data, [0.8, 0.2])"
        ),
        evidence=(Evidence("share of rows seen in training", share, LIMITS["share"], "above"),),
        layers=(),
        steps=(int(steps[0]), int(steps[-1])),
        confidence=0.97,
        panel="loss_curve",
    )


def _early(run: Run, name: str) -> float:
    """Rows that are alike among the first: short rows of tokens are, without any leak."""
    if name not in run.scalar_names:
        return 0.0
    return float(np.nan_to_num(np.nanmedian(run.scalar(name).values[:FIRST])))


def _by_chance(run: Run, known: float) -> float:
    """As many rows as come twice in the validation itself, for so many more to be met among."""
    if ALIKE not in run.scalar_names:
        return 0.0
    alike = float(np.nanmax(run.scalar(ALIKE).values))
    size = float(np.nanmax(run.scalar(SIZE).values))
    return alike * max(1.0, known / max(size, 1.0))
