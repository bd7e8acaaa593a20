"""The targets lie where the model's last function cannot reach.

**What it looks at.** The share of the targets outside the range of what made the answer: a sigmoid
gives 0 to 1, a tanh -1 to 1, a ReLU nothing below 0.

**Why it is bad.** For these targets the best answer is at the end of the range, where the function
is flat: the loss keeps what they cost, and the last layer saturates.

**Where it comes from.** An activation after the last layer out of habit; targets that were to be
scaled and were not.

**What to do.** Drop it for numbers, or scale the targets to its range:

    nn.Sequential(…, nn.Linear(48, 1))          # no activation after the last layer

**What it cannot see.** A model that can reach no large answers for other reasons.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.objective import objective
from diagnostics.thresholds import thresholds

LIMITS = thresholds("output_range_mismatch")
EXPLAINS = (
    *("saturated_activations", "underfitting", "plateau", "vanishing_gradient", "wrong_loss"),
    *("dead_relu", "no_signal", "unnormalised_targets"),
)
SHARE = "answers/out_of_reach"


def output_range_mismatch(run: Run) -> Verdict:
    """Can the last function reach the targets?"""
    if SHARE not in run.scalar_names:
        return NotEnough("the last function has no limits, or targets were not seen")
    told = run.scalar(SHARE)
    share = float(np.nanmean(told.values))
    if not share > LIMITS["share"]:
        return None
    output = objective(run).output or "last function"
    return Finding(
        disease="output_range_mismatch",
        severity="error",
        symptom=f"{share:.0%} of the targets lie outside what a {output} can give.",
        cause=f"The model ends in a {output}, whose range the targets leave.",
        remedy=(
            "Let the model end in its last linear layer, or scale the targets to the range:\n"
            "    nn.Sequential(…, nn.Linear(n, 1))"
        ),
        evidence=(Evidence("share of targets out of reach", share, LIMITS["share"], "above"),),
        layers=(),
        steps=(int(told.steps[0]), int(told.steps[-1])),
        confidence=0.95,
        panel="loss_curve",
    )
