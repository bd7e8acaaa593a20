"""The labels do not follow the inputs: what is learnt does not carry over.

**What it looks at.** Whether the validation loss stays at what guessing costs, from beginning to
end, while the training loss falls below it.

**Why it is bad.** The model learns its examples by heart, for there is nothing else to learn.

**Where it comes from.** Inputs and labels that were shuffled, filtered or joined apart; an index
that is one off; labels of another file.

**What to do.** Look at a few pairs, and align them:

    order = torch.randperm(len(x))
    x, y = x[order], y[order]            # one order for both

**What it cannot see.** Labels of which some are wrong; labels that are wrong in the training data
alone.

Reference: Zhang et al. 2017 (random labels are learnt by heart).
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.classes import late_classes
from diagnostics.signs.learning import learning
from diagnostics.signs.losses import losses
from diagnostics.thresholds import thresholds

LIMITS = thresholds("label_noise")
EXPLAINS = ("overfitting", "underfitting", "plateau", "no_signal", "lr_too_low")


def label_noise(run: Run) -> Verdict:
    """Does only the training loss fall?"""
    validation, progress = losses(run).validation, learning(run)
    if progress is None or not np.isfinite(progress.chance):
        return NotEnough("no training loss was logged, or what guessing costs is not known")
    if validation is None or np.isfinite(validation.values).sum() < LIMITS["validations"]:
        return NotEnough("fewer than four finite validation losses were logged")
    best = float(np.nanmin(validation.values)) / progress.chance
    trained, least = progress.end / progress.chance, progress.best / progress.chance
    learnt = trained < LIMITS["training"] or least < LIMITS["least"]
    if not best > LIMITS["validation"] or not learnt or progress.is_lost or _scores(run):
        return None
    return Finding(
        disease="label_noise",
        severity="warning",
        symptom=(
            f"'{validation.name}' never falls below what guessing costs, while the training loss "
            f"comes down to {trained:.0%} of it."
        ),
        cause="What the inputs say about the labels in training does not hold on other data.",
        remedy=(
            "Look at a few pairs of input and label, and keep one order for both:\n"
            "    order = torch.randperm(len(x))\n"
            "    x, y = x[order], y[order]"
        ),
        evidence=tuple(e for e in _measured(best, trained, least) if e.has_passed),
        layers=(),
        steps=(int(validation.steps[min(3, len(validation.steps) - 1)]), run.last_step),
        confidence=0.85,
        panel="loss_curve",
    )


def _measured(best: float, trained: float, least: float) -> tuple[Evidence, ...]:
    return (
        Evidence("best validation loss / guessing", best, LIMITS["validation"], "above"),
        Evidence("training loss / guessing", trained, LIMITS["training"], "below"),
        Evidence("its least, smoothed", least, LIMITS["least"], "below"),
    )


def _scores(run: Run) -> bool:
    """Is the held-out score far above that of a guess? Then labels follow the inputs."""
    score, kinds = losses(run).score, late_classes(run)
    if score is None or not len(score.values) or kinds is None:
        return False
    guess = float(kinds.asked.max() / kinds.asked.sum())
    return bool(np.nanmax(score.values) > guess + LIMITS["score"] * (1 - guess))
