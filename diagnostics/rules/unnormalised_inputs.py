"""The inputs are large, or their columns are of very different scale.

**What it looks at.** The size of what the model is given, its largest element, the widest column
beside the median one, and what is left of the loss. A normalisation as the first layer excuses it.

**Why it is bad.** The widest column alone drives the first layer: its units saturate or die, and no
rate suits all columns.

**Where it comes from.** Pixels of 0 to 255, or a table in its own units: years beside millimetres.

**What to do.** Standardise, with the training data's statistics, for validation too:

    mean, std = x_train.mean(0), x_train.std(0).clamp_min(1e-8)
    x = (x - mean) / std

**What it cannot see.** Whether a scale carries meaning.

Reference: LeCun et al. 1998, Efficient BackProp.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.inputs import Inputs, inputs
from diagnostics.signs.learning import learning
from diagnostics.thresholds import thresholds

LIMITS = thresholds("unnormalised_inputs")
EXPLAINS = (
    *("saturated_activations", "dead_relu", "lr_too_high", "exploding_gradient", "loss_spikes"),
    *("weight_blowup", "plateau", "underfitting", "vanishing_gradient", "no_signal"),
    *("bad_init_scale", "lr_too_low", "data_outliers", "fp16_overflow", "nonfinite_loss"),
    "label_noise",
)


def unnormalised_inputs(run: Run) -> Verdict:
    """Are inputs of a scale that hinders training?"""
    given, progress = inputs(run), learning(run)
    if given is None:
        return NotEnough("inputs are token ids, or batches are not recorded")
    if progress is None:
        return NotEnough("no training loss was logged to judge the scale by")
    found = _beyond(given)
    if given.normalised or not found:
        return None
    if not (progress.is_lost or progress.left > LIMITS["left"]):
        return None
    return _finding(given, found)


def _beyond(given: Inputs) -> tuple[Evidence, ...]:
    measured = {
        "rms": ("rms of the inputs", given.rms),
        "largest": ("largest element", given.largest),
        "spread": ("widest column / median column", given.spread),
    }
    return tuple(
        Evidence(name, value, LIMITS[key], "above")
        for key, (name, value) in measured.items()
        if value > LIMITS[key]
    )


def _finding(given: Inputs, found: tuple[Evidence, ...]) -> Finding:
    return Finding(
        disease="unnormalised_inputs",
        severity="error",
        symptom=(
            f"Inputs have an rms of {given.rms:.3g} and reach {given.largest:.3g}; the widest "
            f"column varies {given.spread:.3g} times as much as the median one."
        ),
        cause="They are not standardised: a few large columns drive the first layer.",
        remedy=(
            "Standardise with the training data's statistics:\n"
            "    mean, std = x_train.mean(0), x_train.std(0).clamp_min(1e-8)\n"
            "    x = (x - mean) / std"
        ),
        evidence=found,
        layers=(),
        steps=(given.first, given.last),
        confidence=0.95,
        panel="activation_health",
    )
