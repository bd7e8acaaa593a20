"""The model ends in a softmax, and its loss applies another.

**What it looks at.** Whether what the model gives is all non-negative and sums to one, row by row,
while the loss it is given to is a cross-entropy on logits.

**Why it is bad.** Probabilities lie between 0 and 1: taken for logits, they can say no more than
that one class is e times as likely as another. With 10 classes the loss cannot fall below 1.46, and
gradients are small where the model is most wrong.

**Where it comes from.** `nn.Softmax` at the end of the model, which `nn.CrossEntropyLoss` has
inside already.

**What to do.** Give the loss the logits, and take the softmax where probabilities are wanted:

    nn.Sequential(…, nn.Linear(64, 10))         # no nn.Softmax here
    probabilities = model(x).softmax(-1)        # in use

**What it cannot see.** A softmax between the model and the loss.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.objective import LOGITS, objective
from diagnostics.thresholds import thresholds

LIMITS = thresholds("double_softmax")
EXPLAINS = (
    *("underfitting", "plateau", "vanishing_gradient", "lr_too_low", "wrong_objective"),
    *("no_signal", "saturated_activations"),
)
SUMS = "answers/rows_sum_to_one"


def double_softmax(run: Run) -> Verdict:
    """Is a loss that takes logits given probabilities?"""
    asked = objective(run)
    if SUMS not in run.scalar_names or not asked.kind:
        return NotEnough("the model's answers or its loss were not seen; add probes.Answers()")
    told = run.scalar(SUMS)
    share = float(np.median(told.values))
    if asked.kind not in LOGITS or not asked.on_answer or share <= LIMITS["share"]:
        return None
    return Finding(
        disease="double_softmax",
        severity="error",
        symptom=(
            f"{share:.0%} of the model's answers are non-negative and sum to one, and "
            f"{asked.kind} takes them for logits."
        ),
        cause="The model ends in a softmax, and this loss applies one itself.",
        remedy=(
            "Let the model end in its last linear layer, and give the loss the logits:\n"
            "    loss = nn.functional.cross_entropy(model(x), y)\n"
            "    probabilities = model(x).softmax(-1)        # in use"
        ),
        evidence=(Evidence("share of answers that sum to one", share, LIMITS["share"], "above"),),
        layers=(),
        steps=(int(told.steps[0]), int(told.steps[-1])),
        confidence=1.0,
        panel="loss_curve",
    )
