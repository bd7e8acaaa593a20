"""On held-out data the model is no better than a guess.

**What it looks at.** The best validation loss beside what guessing costs.

**Why it is bad.** Whatever the training loss does, nothing of it carries over.

**Where it comes from.** Labels that do not follow the inputs, inputs that say nothing, a training
that never got on, a validation on other data or in the wrong mode.

**What to do.** Look at a few validation rows with their targets and answers side by side:

    for row, target in zip(x_val[:10], y_val[:10]): print(row, target, model(row[None]).argmax())

**What it cannot see.** Tasks of which it is not known what guessing costs.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.losses import losses
from diagnostics.thresholds import thresholds

LIMITS = thresholds("no_signal")


def no_signal(run: Run) -> Verdict:
    """Does validation ever beat a guess?"""
    validation, progress = losses(run).validation, learning(run)
    if progress is None or not np.isfinite(progress.chance):
        return NotEnough("no training loss was logged, or what guessing costs is not known")
    if validation is None or np.isfinite(validation.values).sum() < LIMITS["validations"]:
        return NotEnough("fewer than four finite validation losses were logged")
    best = float(np.nanmin(validation.values)) / progress.chance
    if not best > LIMITS["best"]:
        return None
    return Finding(
        disease="no_signal",
        severity="warning",
        symptom=f"'{validation.name}' was never below {best:.0%} of what guessing costs.",
        cause="What is learnt, if anything, does not carry over.",
        remedy=(
            "Look at validation rows, targets and answers side by side:\n"
            "    print(x_val[:5], y_val[:5], model(x_val[:5]).argmax(1))"
        ),
        evidence=(Evidence("best validation loss / guessing", best, LIMITS["best"], "above"),),
        layers=(),
        steps=(int(validation.steps[0]), int(validation.steps[-1])),
        confidence=0.7,
        panel="loss_curve",
    )
