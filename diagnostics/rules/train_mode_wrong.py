"""The model trains in evaluation mode: its dropout and batch normalisation are switched off.

**What it looks at.** The flag `training` of the model, after the steps that were recorded, and
whether a module inside goes by it.

**Why it is bad.** Dropout drops nothing, and batch normalisation uses averages that it no longer
updates: those of its first moments, or of nothing at all.

**Where it comes from.** `model.eval()` before a validation, and no `model.train()` after it.

**What to do.** Say it at the beginning of every epoch:

    model.train()
    for x, y in loader: …

**What it cannot see.** Modules that are meant to stay in evaluation mode: only the model's own flag
is looked at.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.modes import depends_on_mode, training_share
from diagnostics.thresholds import thresholds

LIMITS = thresholds("train_mode_wrong")
EXPLAINS = ("overfitting", "exploding_gradient", "lr_too_high", "loss_spikes", "bn_running_stats")


def train_mode_wrong(run: Run) -> Verdict:
    """Is the model in training mode while it trains?"""
    share = training_share(run)
    if share is None:
        return NotEnough("modes are not recorded; add probes.Modes() to the Recorder")
    away, modules = 1 - share, depends_on_mode(run)
    if away <= LIMITS["share"] or not modules:
        return None
    return Finding(
        disease="train_mode_wrong",
        severity="error",
        symptom=(
            f"In {away:.0%} of the training the model is in evaluation mode, which switches off "
            f"{len(modules)} of its modules."
        ),
        cause="model.eval() was called, and model.train() was not called after it.",
        remedy="Call it at the beginning of every epoch:\n    model.train()",
        evidence=(Evidence("share of steps in evaluation mode", away, LIMITS["share"], "above"),),
        layers=modules,
        steps=(1, run.last_step),
        confidence=1.0,
        panel="loss_curve",
    )
