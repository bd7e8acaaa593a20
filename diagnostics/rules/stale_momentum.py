"""Momentum averages over most of the training: gradients of long ago still steer.

**What it looks at.** The momentum, or the first beta: 1 / (1 - momentum) steps are what it
averages over, beside the length of the run; and whether the weights run away or the loss suffers.

**Why it is bad.** The optimizer cannot turn: it runs past the minimum, and comes back many steps
later. Steps are up to 1 / (1 - momentum) times the rate.

**Where it comes from.** 0.999 where 0.9 was meant: Adam's second beta in the first one's place.

**What to do.**

    torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)

**What it cannot see.** Averages that an optimizer of your own keeps.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.movement import setting
from diagnostics.signs.pace import pace
from diagnostics.thresholds import thresholds

LIMITS = thresholds("stale_momentum")
EXPLAINS = (
    *("loss_spikes", "lr_too_high", "weight_blowup", "exploding_gradient", "plateau", "dead_relu"),
    *("overfitting", "saturated_activations", "underfitting"),
    "label_noise",
)


def stale_momentum(run: Run) -> Verdict:
    """Does momentum reach back over most of the run?"""
    told = [last for key in ("momentum", "beta1") for _, last in setting(run, key).values()]
    if not told:
        return NotEnough("the optimizer has no momentum, or its settings are not recorded")
    momentum = max(told)
    horizon = 1 / max(1e-12, 1 - momentum)
    share = horizon / max(1, run.last_step)
    if momentum < LIMITS["momentum"] or share <= LIMITS["share"]:
        return None
    progress, stride = learning(run), pace(run)
    growth = np.nan if stride is None else stride.shrunk
    left = np.nan if progress is None else progress.left
    lost = progress is not None and progress.is_lost
    if not (lost or left > LIMITS["left"] or growth > LIMITS["growth"]):
        return None
    return Finding(
        disease="stale_momentum",
        severity="error",
        symptom=(
            f"Momentum {momentum:g} averages over {horizon:,.0f} steps, in a run of "
            f"{run.last_step:,}."
        ),
        cause="Gradients from far back still set the direction: the weights overshoot and swing.",
        remedy="Take 0.9:\n    torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)",
        evidence=tuple(e for e in _measured(share, growth, left) if e.has_passed),
        layers=(),
        steps=(1, run.last_step),
        confidence=0.95,
        panel="update_ratios",
    )


def _measured(share: float, growth: float, left: float) -> tuple[Evidence, ...]:
    return (
        Evidence("steps averaged over / steps of the run", share, LIMITS["share"], "above"),
        Evidence("weights, last / first", growth, LIMITS["growth"], "above"),
        Evidence("share of the loss left", left, LIMITS["left"], "above"),
    )
