"""The validation loss rises while the training loss goes on falling.

**What it looks at.** The validation loss at the end beside its best, in units of what guessing
costs; and the training loss in the meantime.

**Why it is bad.** What is still learnt are the training examples themselves: on all others the
model gets worse, and surer of it.

**Where it comes from.** Little data for so large a model, and training on and on.

**What to do.** Keep the best weights; then more data, augmentation, weight decay, dropout:

    if val_loss < best:
        best = val_loss
        torch.save(model.state_dict(), "best.pt")

**What it cannot see.** A model that overfits and whose validation was never logged, or holds
training examples (`train_val_leakage`).

Reference: Prechelt 1998; Google's tuning playbook (validation error that starts to increase).
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run, Scalar
from diagnostics.signs.harm import optimizers
from diagnostics.signs.learning import learning
from diagnostics.signs.losses import losses
from diagnostics.thresholds import thresholds

LIMITS = thresholds("overfitting")
EXPLAINS = ("loss_too_good", "no_signal", "label_noise")


def overfitting(run: Run) -> Verdict:
    """Has the validation loss risen from its best, with the training loss below it?"""
    validation, progress = losses(run).validation, learning(run)
    if optimizers(run) > 1:
        return NotEnough("several optimizers play a game: no loss of theirs need fall")
    if validation is None or len(validation.values) < LIMITS["validations"]:
        return NotEnough("fewer than four validation losses were logged")
    if progress is None:
        return NotEnough("no training loss was logged")
    values = validation.values
    if not np.isfinite(values).all() or not progress.is_bounded or progress.is_lost:
        return None
    best, end = int(np.argmin(values)), float(np.median(values[-2:]))
    unit = progress.chance if np.isfinite(progress.chance) else max(float(values[0]), 1e-12)
    rise, ratio = (end - values[best]) / unit, end / max(values[best], 1e-12)
    falls = _training_then(progress.steps, progress.values, int(validation.steps[best]))
    apart = progress.end < LIMITS["gap"] * end and progress.end < falls
    if rise <= LIMITS["rise"] or ratio <= LIMITS["ratio"] or not apart:
        return None
    return _finding(validation, best, (rise, ratio), progress.end)


def _training_then(steps: np.ndarray, values: np.ndarray, step: int) -> float:
    """The training loss around the step of the best validation."""
    at = int(np.searchsorted(steps, step))
    around = values[max(0, at - 5) : at + 5]
    return float(np.median(around)) if len(around) else np.nan


def _finding(
    validation: Scalar, best: int, passed: tuple[float, float], training: float
) -> Finding:
    rise, ratio = passed
    step, least = int(validation.steps[best]), float(validation.values[best])
    return Finding(
        disease="overfitting",
        severity="warning",
        symptom=(
            f"'{validation.name}' was best at step {step:,} ({least:.3g}) and is {ratio:.2f} times "
            f"as large now, while the training loss has fallen to {training:.3g}."
        ),
        cause="Since then the model learns its training examples by heart.",
        remedy=(
            f"Stop at step {step:,}, or keep the best weights; then more data, weight decay, "
            "dropout:\n"
            "    if val_loss < best:\n"
            '        torch.save(model.state_dict(), "best.pt")'
        ),
        evidence=(
            Evidence("rise over what guessing costs", rise, LIMITS["rise"], "above"),
            Evidence("validation loss / its best", ratio, LIMITS["ratio"], "above"),
        ),
        layers=(),
        steps=(step, int(validation.steps[-1])),
        confidence=0.9,
        panel="loss_curve",
    )
