"""Validation data are not preprocessed as training data are.

**What it looks at.** Whether most input columns are wider, or narrower, in validation than in
training, by far, where another sample of the same data differs in a few; and whether they lean the
other way, as the negative of a picture does.

**Why it is bad.** The model is validated on inputs it has never been near: the same data in other
units.

**Where it comes from.** Pixels divided by 255 in one place and not in the other; a scaler that was
fitted twice; a normalisation forgotten in validation.

**What to do.** One function for both, with the training data's numbers:

    scaler = StandardScaler().fit(x_train)
    x_train, x_val = scaler.transform(x_train), scaler.transform(x_val)

**What it cannot see.** Steps that leave means and widths as they are: channels in another order.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.columns import Columns, columns
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preprocessing_mismatch")
EXPLAINS = (
    *("val_shift", "overfitting", "bn_running_stats", "no_signal", "label_noise"),
    "wrong_objective",
)


def preprocessing_mismatch(run: Run) -> Verdict:
    """Do nearly all columns differ in width?"""
    found = columns(run)
    if found is None or not len(found.shift):
        return NotEnough("no validation was seen, or its inputs are token ids")
    if (mirrored := _mirrored(found)) > LIMITS["share"]:
        told = f"In {mirrored:.0%} of the input's columns validation is training's mirror image."
        return _finding(run, found, told, mirrored)
    scale = found.scale[np.isfinite(found.scale)]
    off = float((np.abs(scale) > LIMITS["factor"]).mean()) if len(scale) else 0.0
    if not off > LIMITS["share"]:
        return None
    told = (
        f"{off:.0%} of the input's columns have another width in validation than in training, the "
        f"middle one {np.exp(np.median(scale)):.3g} times."
    )
    return _finding(run, found, told, off)


def _mirrored(found: Columns) -> float:
    """The share of lopsided columns that lean the other way, and all else alike."""
    lopsided = np.abs(found.place - 0.5) > LIMITS["lopsided"]
    turned = np.abs(found.place_then - (1 - found.place)) < LIMITS["mirrored"]
    return float(turned[lopsided].mean()) if lopsided.any() else 0.0


def _finding(run: Run, found: Columns, symptom: str, share: float) -> Finding:
    return Finding(
        disease="preprocessing_mismatch",
        severity="error",
        symptom=symptom,
        cause="The same data, scaled in one place and not in the other.",
        remedy=(
            "Use one function for both, with the training data's numbers:\n"
            "    scaler = StandardScaler().fit(x_train)\n"
            "    x_train, x_val = scaler.transform(x_train), scaler.transform(x_val)"
        ),
        evidence=(Evidence("share of columns that differ", share, LIMITS["share"], "above"),),
        layers=(),
        steps=(found.step, run.last_step),
        confidence=0.95,
        panel="loss_curve",
    )
