"""The loss on held-out data is lower than is plausible.

**What it looks at.** The validation loss, as a share of what guessing costs.

**Why it is bad.** Real data are noisy. A model that is right beyond any doubt on data it has not
seen has most often seen them, or was told the answer.

**Where it comes from.** A column computed from the target, validation rows among the training rows,
a sequence that shows what comes next.

**What to do.** Leave out one column at a time, and see when the loss becomes plausible:

    for column in range(x.shape[1]): train(x[:, torch.arange(x.shape[1]) != column], y)

**What it cannot see.** Whether the task is simply that easy.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.losses import losses
from diagnostics.thresholds import thresholds

LIMITS = thresholds("loss_too_good")


def loss_too_good(run: Run) -> Verdict:
    """Is validation right beyond any doubt?"""
    validation, progress = losses(run).validation, learning(run)
    if progress is None or not np.isfinite(progress.chance):
        return NotEnough("no training loss was logged, or what guessing costs is not known")
    if validation is None or not np.isfinite(validation.values).any():
        return NotEnough("no finite validation loss was logged")
    share = float(np.nanmin(validation.values)) / progress.chance
    if not 0 <= share < LIMITS["share"]:
        return None
    first = int(validation.steps[int(np.argmax(validation.values < share * progress.chance * 2))])
    return Finding(
        disease="loss_too_good",
        severity="hint",
        symptom=f"'{validation.name}' is {share:.1g} of what guessing costs.",
        cause="The answer may be among the inputs, or validation among the training rows.",
        remedy=(
            "Leave out one column at a time, and see when the loss becomes plausible:\n"
            "    keep = torch.arange(x.shape[1]) != column;   train(x[:, keep], y)"
        ),
        evidence=(Evidence("validation loss / guessing", share, LIMITS["share"], "below"),),
        layers=(),
        steps=(first, int(validation.steps[-1])),
        confidence=0.5,
        panel="loss_curve",
    )
