"""Most of the input's columns are constant.

**What it looks at.** The share of columns that have never varied in the batches looked at, and what
is left of the loss. Borders of images and rare words are constant by nature, and excused as long
as the training gets on.

**Why it is bad.** What these columns know is lost before the model sees it.

**Where it comes from.** A mask or a selection that leaves too little; features that were not
computed for this data; a join that found no partner.

**What to do.** See which columns they are, and why:

    print((x.std(0) == 0).nonzero())

**What it cannot see.** Columns that vary and are noise.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.inputs import inputs
from diagnostics.signs.learning import learning
from diagnostics.thresholds import thresholds

LIMITS = thresholds("dead_features")
EXPLAINS = ("underfitting", "plateau", "no_signal", "overfitting", "label_noise")


def dead_features(run: Run) -> Verdict:
    """Are most columns constant, and does the training suffer?"""
    given, progress = inputs(run), learning(run)
    if given is None:
        return NotEnough("inputs are token ids, or batches are not recorded")
    if progress is None:
        return NotEnough("no training loss was logged to judge the columns by")
    if not LIMITS["share"] < given.constant <= LIMITS["all"]:
        return None
    if not (progress.is_lost or progress.left > LIMITS["left"]):
        return None
    return Finding(
        disease="dead_features",
        severity="warning",
        symptom=(
            f"{given.constant:.0%} of the input's columns are the same in every row, and "
            f"{progress.left:.0%} of the loss is left."
        ),
        cause="A mask, a selection or a failed join leaves the model too little to go by.",
        remedy="See which columns they are, and why:\n    print((x.std(0) == 0).nonzero())",
        evidence=(
            Evidence("share of constant columns", given.constant, LIMITS["share"], "above"),
            Evidence("share of the loss left", progress.left, LIMITS["left"], "above"),
        ),
        layers=(),
        steps=(given.first, given.last),
        confidence=0.85,
        panel="activation_health",
    )
