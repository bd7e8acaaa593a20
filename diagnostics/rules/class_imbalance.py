"""The rare class is never predicted.

**What it looks at.** Of each class how often it was asked for, and how often it was then answered,
over the training batches.

**Why it is bad.** The model has learnt how common the answers are, and is right most of the time
without ever being right about the ones that matter.

**Where it comes from.** A class of one per cent in a plain average: it costs next to nothing to
ignore it.

**What to do.** Draw the classes evenly, or weigh them:

    WeightedRandomSampler(1.0 / counts[labels], len(labels))
    nn.CrossEntropyLoss(weight=counts.sum() / counts)

**What it cannot see.** Classes that are missing from the data.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.classes import late_classes
from diagnostics.thresholds import thresholds

LIMITS = thresholds("class_imbalance")
EXPLAINS = (
    *("underfitting", "no_signal", "plateau", "label_noise", "wrong_objective", "overfitting"),
)


def class_imbalance(run: Run) -> Verdict:
    """Is a rare class ever answered?"""
    found = late_classes(run)
    if found is None:
        return NotEnough("classes and answers were not seen; add probes.Answers()")
    if found.asked[found.asked > 0].min(initial=np.inf) < LIMITS["asked"]:
        return NotEnough("a class was asked for too seldom, as far as was looked")
    share = found.asked / max(1.0, found.asked.sum())
    recall = np.where(found.asked > 0, found.right / np.maximum(found.asked, 1), np.nan)
    rare = (share > 0) & (share < LIMITS["share"] * share.max())
    missed = np.flatnonzero(rare & (recall < LIMITS["recall"]))
    common = float(recall[int(np.argmax(share))])
    if not len(missed) or common < LIMITS["common"] or share.max() < LIMITS["most"]:
        return None
    worst = int(missed[np.argmin(recall[missed])])
    told = _Missed(worst, share[worst], share.max(), recall[worst], common)
    return _finding(told, (found.first, run.last_step))


class _Missed(NamedTuple):
    """The class that is answered least often, beside the commonest."""

    name: int
    share: float
    most: float  # the commonest's share
    recall: float
    common: float  # the commonest's recall


def _finding(missed: _Missed, steps: tuple[int, int]) -> Finding:
    return Finding(
        disease="class_imbalance",
        severity="warning",
        symptom=(
            f"Class {missed.name}, {missed.share:.1%} of the targets, is answered in "
            f"{missed.recall:.0%} of the cases in which it is right; the commonest in "
            f"{missed.common:.0%}."
        ),
        cause=f"The commonest class is {missed.most / missed.share:.0f} times as common.",
        remedy=(
            "Draw the classes evenly, or weigh them:\n"
            "    WeightedRandomSampler(1.0 / counts[labels], len(labels))\n"
            "    nn.CrossEntropyLoss(weight=counts.sum() / counts)"
        ),
        evidence=(
            Evidence("recall of the rare class", float(missed.recall), LIMITS["recall"], "below"),
            Evidence(
                "its share / the commonest's",
                float(missed.share / missed.most),
                LIMITS["share"],
                "below",
            ),
        ),
        layers=(),
        steps=steps,
        confidence=0.9,
        panel="loss_curve",
    )
