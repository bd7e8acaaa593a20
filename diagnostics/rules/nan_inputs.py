"""The model was given values that are not finite.

**What it looks at.** The black box's report, which names the input and its rows; or, where the
batches are recorded, the share of each input that is not finite.

**Why it is bad.** One NaN in one row makes the whole batch's loss NaN, and with it every weight.

**Where it comes from.** Missing values in a table; a logarithm or a division in the preprocessing;
a feature with no spread, divided by its standard deviation; a damaged file.

**What to do.** Find the rows and impute or drop them, before the training begins:

    bad = ~torch.isfinite(x).all(1);   print(bad.nonzero());   x, y = x[~bad], y[~bad]

**What it cannot see.** NaN in the targets: the loss is then what is not finite.
"""

from __future__ import annotations

import numpy as np

from diagnostics.black_box import black_boxes
from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.thresholds import thresholds

LIMITS = thresholds("nan_inputs")
EXPLAINS = ("nonfinite_loss", "exploding_gradient", "weight_blowup", "lr_too_high")
SHARE = "batches/input_nonfinite"
WHOLE = "batches/unique_ids"  # given of token ids
REMEDY = (
    "Impute or drop the rows that are not finite:\n"
    "    bad = ~torch.isfinite(x).all(1);   x, y = x[~bad], y[~bad]"
)
CAUSE = "Missing values, or a division or logarithm in the preprocessing, reach the model."


def nan_inputs(run: Run) -> Verdict:
    """Did the model get anything that is not finite?"""
    box = next((box for box in black_boxes(run) if box.where == "inputs"), None)
    if box is not None:
        bad = float(max(box.bad, 1))
        found = Evidence("elements not finite", bad, LIMITS["elements"], "above")
        return _finding(box.summary, found, (box.step, box.step))
    if SHARE not in run.scalar_names:
        if WHOLE in run.scalar_names:  # whole numbers are always finite
            return None
        return NotEnough("batches are not recorded; add probes.Batches() to the Recorder")
    shares = run.scalar(SHARE)
    steps = shares.steps[shares.values > LIMITS["share"]]
    if not len(steps):
        return None
    largest = float(np.nanmax(shares.values))
    symptom = (
        f"At {len(steps)} of {len(shares.steps)} recorded steps, first at step {steps[0]}, up to "
        f"{largest:.2g} of the model's input is not finite."
    )
    found = Evidence("share not finite", largest, LIMITS["share"], "above")
    return _finding(symptom, found, (int(steps[0]), int(steps[-1])))


def _finding(symptom: str, evidence: Evidence, steps: tuple[int, int]) -> Finding:
    return Finding(
        disease="nan_inputs",
        severity="error",
        symptom=symptom,
        cause=CAUSE,
        remedy=REMEDY,
        evidence=(evidence,),
        layers=(),
        steps=steps,
        confidence=1.0,
        panel="gradient_flow",
    )
