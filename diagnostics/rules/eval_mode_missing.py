"""The model is validated in training mode: dropout drops, and batch statistics are used.

**What it looks at.** The mode of the model in forward passes without gradients, between the steps.

**Why it is bad.** The validation is that of a model which nobody will use: noisier and worse by
dropout, and dependent on what else is in the batch. With batch normalisation it also moves the
running averages towards the validation data.

**Where it comes from.** `torch.no_grad()` is taken for `model.eval()`: it stops gradients, and
changes no module's mode.

**What to do.** Both, around every validation:

    model.eval()
    with torch.no_grad():
        validate(model)
    model.train()

**What it cannot see.** Validations that come at no regular steps and are not logged; drawing on
purpose with dropout left on.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.modes import depends_on_mode
from diagnostics.thresholds import thresholds

LIMITS = thresholds("eval_mode_missing")
EXPLAINS = ("bn_running_stats", "overfitting", "val_shift")
SHARE = "validation/training"


def eval_mode_missing(run: Run) -> Verdict:
    """Is the model in evaluation mode while it is validated?"""
    if SHARE not in run.scalar_names:
        return NotEnough("no validation was seen: no forward pass without gradients")
    told, modules = run.scalar(SHARE), depends_on_mode(run)
    share = float(np.median(told.values))
    if share <= LIMITS["share"] or not modules:
        return None
    return Finding(
        disease="eval_mode_missing",
        severity="error",
        symptom=(
            f"{share:.0%} of the forward passes without gradients are in training mode, in which "
            f"{len(modules)} modules do otherwise."
        ),
        cause="model.eval() is not called before the validation; torch.no_grad() does not do it.",
        remedy=(
            "Switch before and after:\n"
            "    model.eval()\n"
            "    with torch.no_grad():\n"
            "        validate(model)\n"
            "    model.train()"
        ),
        evidence=(
            Evidence("share of validation in training mode", share, LIMITS["share"], "above"),
        ),
        layers=modules,
        steps=(int(told.steps[0]), int(told.steps[-1])),
        confidence=1.0,
        panel="loss_curve",
    )
