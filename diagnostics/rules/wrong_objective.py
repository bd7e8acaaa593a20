"""The optimizer goes the wrong way: the loss has the wrong sign, or rewards the wrong thing.

**What it looks at.** Whether the optimizer maximises; whether a loss that cannot be negative was
logged as negative; and whether the held-out score gets worse as the training loss falls.

**Why it is bad.** The better it trains, the worse it does what it is for.

**Where it comes from.** A minus too many or too few; `maximize=True` under a loss; a reward taken
for a loss; targets that are the wrong way round.

**What to do.** See that a good answer costs less than a bad one:

    loss = -reward.mean()                       # the optimizer makes it small

**What it cannot see.** Without a logged score, an objective that is merely the wrong one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.dive import dives
from diagnostics.signs.learning import Learning, learning
from diagnostics.signs.losses import losses
from diagnostics.signs.movement import setting
from diagnostics.signs.objective import NEVER_NEGATIVE, objective
from diagnostics.thresholds import thresholds

LIMITS = thresholds("wrong_objective")
EXPLAINS = (
    *("loss_unbounded", "weight_blowup", "exploding_gradient", "lr_too_high", "nonfinite_loss"),
    *("loss_spikes", "overfitting", "no_signal", "saturated_activations", "dead_relu"),
)


def wrong_objective(run: Run) -> Verdict:
    """Does what is trained for make things worse?"""
    progress = learning(run)
    if progress is None:
        return NotEnough("no training loss was logged")
    if any(value for pair in setting(run, "maximize").values() for value in pair):
        return _finding(run, "The optimizer maximises.", Evidence("maximize", 1, 0, "above"))
    dive = dives(progress)
    if dive is not None and dive.depth > LIMITS["depth"]:
        told = f"The loss went from {progress.begin:.3g} to {progress.end:.3g}, and goes on."
        passed = Evidence("depth below zero / first loss", dive.depth, LIMITS["depth"], "above")
        return _finding(run, told, passed)
    values = progress.values[np.isfinite(progress.values)]
    if len(values) and objective(run).kind in NEVER_NEGATIVE and values.min() < LIMITS["negative"]:
        share = float((values < 0).mean())
        if share > LIMITS["share"] and _is_mirrored(values):
            told = f"{objective(run).kind} cannot be negative, and the logged loss is."
            return _finding(run, told, Evidence("least loss", values.min(), 0, "below"))
    return _worse_as_it_falls(run, progress)


def _is_mirrored(values: np.ndarray) -> bool:
    """Negative from the beginning on: a sign, and not a reward that is part of it."""
    return bool(np.median(values[:3]) < 0)


def _worse_as_it_falls(run: Run, progress: Learning) -> Finding | None:
    """The held-out score ends below where it began, while the training loss fell."""
    score = losses(run).score
    if score is None or len(score.values) < LIMITS["scores"] or not progress.finite:
        return None
    first, end = float(score.values[0]), float(np.median(score.values[-2:]))
    fell = progress.begin - progress.end > LIMITS["fell"] * abs(progress.begin)
    lost = first - end
    if not fell or not lost > LIMITS["lost"] * abs(first):
        return None
    told = f"'{score.name}' went from {first:.3g} to {end:.3g} while the training loss fell."
    passed = Evidence("share of the score lost", lost / abs(first), LIMITS["lost"], "above")
    return replace(_finding(run, told, passed), severity="warning", confidence=0.6)


def _finding(run: Run, symptom: str, evidence: Evidence) -> Finding:
    return Finding(
        disease="wrong_objective",
        severity="error",
        symptom=symptom,
        cause="What the optimizer makes small is not what is wanted: a sign, or the target.",
        remedy=(
            "See that a good answer costs less than a bad one:\n"
            "    loss = -reward.mean();   torch.optim.Adam(parameters)      # without maximize=True"
        ),
        evidence=(evidence,),
        layers=(),
        steps=(1, run.last_step),
        confidence=0.9,
        panel="loss_curve",
    )
