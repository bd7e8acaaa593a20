"""The inputs carry no information: every column is constant.

**What it looks at.** Which columns of the input have never varied in the batches looked at.

**Why it is bad.** The model can learn nothing but how common each answer is.

**Where it comes from.** An integer division or a cast in the preprocessing; a tensor that is made
and never filled; a mask that is all zero.

**What to do.** Look at one batch, right before the model gets it:

    print(x.dtype, x.min(), x.max(), x.std(0))

**What it cannot see.** Columns that vary, and mean nothing.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.inputs import inputs
from diagnostics.thresholds import thresholds

LIMITS = thresholds("constant_inputs")
EXPLAINS = (
    *("dead_features", "underfitting", "plateau", "no_signal", "label_noise", "lr_too_low"),
    *("vanishing_gradient", "dead_relu", "class_imbalance", "representation_collapse"),
    *("symmetric_init",),
)
COMMONEST = "batches/commonest_id"


def constant_inputs(run: Run) -> Verdict:
    """Does any column vary?"""
    given = inputs(run)
    if given is None:
        return _of_tokens(run)
    if not given.constant > LIMITS["share"]:
        return None
    symptom = f"{given.constant:.0%} of the input's columns are the same in every row."
    passed = Evidence("share of constant columns", given.constant, LIMITS["share"], "above")
    return _finding(symptom, passed, (given.first, given.last))


def _of_tokens(run: Run) -> Verdict:
    """Is it one token over and over?"""
    if COMMONEST not in run.scalar_names:
        return NotEnough("batches are not recorded; add probes.Batches() to the Recorder")
    told = run.scalar(COMMONEST)
    share = float(np.median(told.values))
    if not share > LIMITS["token"]:
        return None
    symptom = f"{share:.0%} of the input is one and the same token."
    passed = Evidence("share of the commonest token", share, LIMITS["token"], "above")
    return _finding(symptom, passed, (int(told.steps[0]), int(told.steps[-1])))


def _finding(symptom: str, evidence: Evidence, steps: tuple[int, int]) -> Finding:
    return Finding(
        disease="constant_inputs",
        severity="error",
        symptom=symptom,
        cause="The preprocessing gives a constant: a cast, a division, a mask of zeros.",
        remedy=(
            "Look at a batch right before the model gets it:\n"
            "    print(x.dtype, x.min(), x.max(), x.std(0))"
        ),
        evidence=(evidence,),
        layers=(),
        steps=steps,
        confidence=1.0,
        panel="activation_health",
    )
