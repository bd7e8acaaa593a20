"""The running averages of a batch normalisation are not those of the batches.

**What it looks at.** After training steps, how far each normalisation's running mean and variance
are from those of the batch it has just seen; and the validation loss beside the training loss.

**Why it is bad.** Training goes by the batch, and everything after it by the averages: in
evaluation mode it is another function.

**Where it comes from.** A momentum of 0.001 in a short run, or taken the other way round (torch's
is the weight of the new batch); averages frozen or loaded from elsewhere; validation data that
were let through in training mode.

**What to do.** Take the default, or measure the averages anew at the end:

    nn.BatchNorm2d(channels, momentum=0.1)
    torch.optim.swa_utils.update_bn(loader, model)

**What it cannot see.** Averages that are right for the training data, where the validation's are
others: `val_shift`.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.losses import losses
from diagnostics.signs.running import Drift, drifts
from diagnostics.signs.settings import settings
from diagnostics.thresholds import thresholds

LIMITS = thresholds("bn_running_stats")
EXPLAINS = ("overfitting", "val_shift", "no_signal")


def bn_running_stats(run: Run) -> Verdict:
    """Do running averages follow the batches?"""
    found, progress, validation = drifts(run), learning(run), losses(run).validation
    if not found:
        return NotEnough("no batch normalisation was seen in training mode")
    if progress is None or validation is None or not len(validation.values):
        return NotEnough("no training or no validation loss was logged to judge the averages by")
    forgetful = _forgetful(run)
    off = [d for d in found if d.module in forgetful or _is_off(d)]
    late = validation.values[len(validation.values) // 2 :]
    cost = float(late.max() if forgetful else np.median(late[-2:]))
    unit = progress.chance if np.isfinite(progress.chance) else progress.begin
    worse, gap = cost / max(progress.end, 1e-12), (cost - progress.end) / max(unit, 1e-12)
    if not off or not worse > LIMITS["worse"] or not gap > LIMITS["gap"]:
        return None
    return _finding(run, off, worse, forgetful)


def _is_off(drift: Drift) -> bool:
    return drift.mean > LIMITS["mean"] or drift.variance > LIMITS["variance"]


def _forgetful(run: Run) -> dict[str, float]:
    """Whose averages are those of the last batch: they are never off from it, and always noise."""
    told = settings(run)
    momenta = told[-1].modules("momentum") if told else {}
    numbers = {n: float(m) for n, m in momenta.items() if isinstance(m, (int, float))}
    return {name: m for name, m in numbers.items() if m > LIMITS["momentum"]}


def _finding(run: Run, off: list[Drift], worse: float, forgetful: dict[str, float]) -> Finding:
    worst = max(off, key=lambda drift: max(drift.mean, drift.variance))
    return Finding(
        disease="bn_running_stats",
        severity="error",
        symptom=(
            f"In {len(off)} normalisations the running averages are not those of the batches, and "
            f"validation, which goes by them, costs {worse:.2g} times as much as training."
        ),
        cause=(
            f"Momentum {max(forgetful.values()):g} keeps the last batch alone."
            if forgetful
            else f"In '{worst.module}' the mean is {worst.mean:.2g} standard deviations off, and "
            f"the variance by a factor of {np.exp(worst.variance):.2g}."
        ),
        remedy=(
            "Take the default momentum, or measure the averages anew at the end:\n"
            "    nn.BatchNorm2d(channels, momentum=0.1)\n"
            "    torch.optim.swa_utils.update_bn(loader, model)"
        ),
        evidence=tuple(e for e in _measured(worst, worse) if e.has_passed),
        layers=tuple(drift.module for drift in off),
        steps=(worst.step, run.last_step),
        confidence=0.9,
        panel="loss_curve",
    )


def _measured(worst: Drift, worse: float) -> tuple[Evidence, ...]:
    return (
        Evidence("running mean off, in sd", worst.mean, LIMITS["mean"], "above"),
        Evidence("running variance off, in log", worst.variance, LIMITS["variance"], "above"),
        Evidence("validation loss / training loss", worse, LIMITS["worse"], "above"),
    )
