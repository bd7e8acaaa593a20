"""A few inputs are far from all others.

**What it looks at.** The largest element of each batch beside that of ordinary batches, and beside
the inputs' usual size; and whether the training suffers.

**Why it is bad.** One such row is most of its batch's gradient: it throws the weights off.

**Where it comes from.** A missing value written as 9999, a decimal point that moved, a sensor that
failed.

**What to do.** Look at them; drop them, or limit what is far out:

    x = x.clamp(mean - 6 * std, mean + 6 * std)

**What it cannot see.** Outliers in batches that were not looked at; rows that are odd as a whole,
and ordinary element by element.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.spikes import spikes
from diagnostics.thresholds import thresholds

LIMITS = thresholds("data_outliers")
EXPLAINS = (
    *("loss_spikes", "exploding_gradient", "lr_too_high", "dead_relu", "saturated_activations"),
    *("weight_blowup", "unnormalised_inputs", "underfitting", "plateau", "nonfinite_loss"),
    *("val_shift", "preprocessing_mismatch", "label_noise", "no_signal", "plateau_needs_decay"),
)


def data_outliers(run: Run) -> Verdict:
    """Is a batch's largest element far beyond those of the others?"""
    if "batches/input_max" not in run.scalar_names:
        return NotEnough("inputs are token ids, or batches are not recorded")
    low, high = run.scalar("batches/input_min"), run.scalar("batches/input_max")
    largest = np.maximum(np.abs(low.values), np.abs(high.values))
    if len(largest) < LIMITS["batches"]:
        return NotEnough(f"only {len(largest)} batches were looked at so far")
    usual = _usual(run.scalar("batches/input_rms").values)
    over_others = float(np.nanmax(largest) / max(_usual(largest), 1e-12))
    over_usual = float(np.nanmax(largest) / max(usual, 1e-12))
    rare = over_others > LIMITS["over_others"] and over_usual > LIMITS["over_usual"]
    if not rare or not _suffers(run):
        return None
    steps = high.steps[largest > LIMITS["share"] * np.nanmax(largest)]
    return Finding(
        disease="data_outliers",
        severity="error",
        symptom=(
            f"The largest input, {np.nanmax(largest):.3g}, is {over_usual:.3g} times the rms, and "
            f"{over_others:.3g} times what batches usually reach; first at step {steps[0]:,}."
        ),
        cause="A few rows lie far from all others, and are most of their batch's gradient.",
        remedy=(
            "Look at them; drop them, or limit what is far out:\n"
            "    x = x.clamp(mean - 6 * std, mean + 6 * std)"
        ),
        evidence=(
            Evidence("largest / usual largest", over_others, LIMITS["over_others"], "above"),
            Evidence("largest / rms", over_usual, LIMITS["over_usual"], "above"),
        ),
        layers=(),
        steps=(int(steps[0]), int(steps[-1])),
        confidence=0.97,
        panel="loss_curve",
    )


def _usual(values: NDArray[np.float64]) -> float:
    """Of the batches without: up to three quarters may hold some."""
    return float(np.nanquantile(values, 0.25))


def _suffers(run: Run) -> bool:
    progress, jumps = learning(run), spikes(run)
    jumped = jumps is not None and len(jumps.steps) > 0
    lost = progress is None or progress.is_lost or progress.left > LIMITS["left"]
    return jumped or lost
