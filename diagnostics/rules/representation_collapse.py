"""All inputs are mapped to one embedding.

**What it looks at.** Where the model gives a representation, and no loss is given its answers with
targets for them: how much the answers differ from example to example, relative to their size, at
the end of the recording and before.

**Why it is bad.** Embeddings that are all the same are near one another, as they were asked to be,
and useless: nothing can be told apart by them. The loss may be excellent.

**Where it comes from.** A loss that only draws together: positive pairs without negatives, two
branches that both get the gradient, a missing predictor or variance term.

**What to do.** Give the loss something that pushes apart, or stop one branch's gradient:

    loss = invariance + relu(1 - z.std(0)).mean()          # variance term
    loss = -cosine_similarity(predictor(z1), z2.detach()).mean()

**What it cannot see.** A collapse of some dimensions among others that stay alive.

References: Jing et al. 2022 (dimensional collapse); Bardes et al. 2022 (VICReg); Chen & He 2021.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.run import Run
from diagnostics.signs.activity import ending
from diagnostics.signs.answers import Spread, judged_by, spread
from diagnostics.signs.harm import optimizers
from diagnostics.thresholds import thresholds

LIMITS = thresholds("representation_collapse")
EXPLAINS = ("loss_too_good", "vanishing_gradient", "plateau", "no_signal")


def representation_collapse(run: Run) -> Verdict:
    """Are the embeddings of all inputs the same?"""
    if not _embeds(run):
        return None
    seen = spread(run)
    if seen is None:
        return NotEnough("answers are not recorded; add probes.Answers() to the Recorder")
    if len(seen.steps) < LIMITS["records"]:
        return NotEnough(f"it has too few records so far: {len(seen.steps)}")
    late = float(np.median(seen.values[ending(len(seen.values))]))
    if late > LIMITS["spread"] or late > LIMITS["fallen"] * seen.values.max():
        return None
    return _finding(seen, late)


def _embeds(run: Run) -> bool:
    """Neither scores of classes, nor predictions, nor what an autoencoder gives back."""
    if judged_by(run) or optimizers(run) > 1:
        return False
    if {"answers/accuracy", "batches/classes_seen"} & set(run.scalar_names):
        return False
    return not _gives_back(run)


def _gives_back(run: Run) -> bool:
    """Does the last layer give as many numbers as the first is given?"""
    matrices = [t for t in run.parameters.values() if t.role == "matrix" and "x" in t.shape]
    if not matrices:
        return False
    first, last = matrices[0].shape.split("x"), matrices[-1].shape.split("x")
    return last[0] in (first[1], "1")


def _finding(seen: Spread, late: float) -> Finding:
    low = seen.values < LIMITS["spread"]
    high = np.flatnonzero(~low)
    since = min(int(high[-1]) + 1 if len(high) else 0, len(low) - 1)
    window = low[ending(len(low))]
    return Finding(
        disease="representation_collapse",
        severity="error",
        symptom=(
            f"The embeddings of different inputs differ by {late:.2g} of their size, from step "
            f"{seen.steps[since]:,} on; they did by {seen.values.max():.2g}."
        ),
        cause=(
            "The loss only draws embeddings together, and one embedding for all is the nearest "
            "that they can be: nothing pushes them apart."
        ),
        remedy=(
            "Add negatives or a variance term, or stop the gradient of one branch:\n"
            "    loss = invariance + torch.relu(1 - z.std(0)).mean()"
        ),
        evidence=(Evidence("spread over size", late, LIMITS["spread"], "below"),),
        layers=(),
        steps=(int(seen.steps[since]), int(seen.steps[-1])),
        confidence=succession(int(window.sum()), len(window)),
        panel="gradient_flow",
    )
