"""A constant of the optimizer is far from any sane value.

**What it looks at.** The optimizer's eps, betas and dampening, and how far a weight moves per unit
of rate: with Adam's kin about one, where eps does not drown the gradient's own scale.

**Why it is bad.** Adam divides by the root of the squared gradient's average plus eps: with an eps
of 1, where gradients are of 0.001, the steps are a thousandth of the rate. A second beta near zero
forgets the scale at every step.

**Where it comes from.** A recipe of another framework, another optimizer's constant, a typing slip.

**What to do.** Take the defaults until there is a reason:

    torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)

**What it cannot see.** Constants of optimizers that are not torch's own. Momentum over too long a
time is `stale_momentum`, a wrong rate `lr_too_low` or `lr_too_high`.

Reference: Kingma & Ba 2015.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import Learning, learning
from diagnostics.signs.movement import movement, setting
from diagnostics.thresholds import thresholds

LIMITS = thresholds("optimiser_misconfigured")
EXPLAINS = ("lr_too_low", "plateau", "underfitting", "no_signal", "lr_too_high", "loss_spikes")


def optimiser_misconfigured(run: Run) -> Verdict:
    """Do eps and betas let the optimizer work?"""
    told = {key: _settings(run, key) for key in ("eps", "beta2", "dampening")}
    if not any(told.values()):
        return NotEnough("the optimizer has neither eps nor betas, or they are not recorded")
    progress = learning(run)
    if progress is None:
        return NotEnough("no training loss was logged to judge the settings by")
    if not (progress.is_lost or progress.left > LIMITS["left"]):
        return None
    reach = _reach(run)
    passed = _passed(told)
    if passed is None or (passed.name == "eps" and not reach < LIMITS["reach"]):
        return None
    return _finding(run, progress, passed, reach)


def _passed(told: dict[str, list[float]]) -> Evidence | None:
    """The first constant that is far from sane."""
    eps, dampening = (max(told[key], default=0.0) for key in ("eps", "dampening"))
    beta = min(told["beta2"], default=1.0)
    if eps > LIMITS["eps"]:
        return Evidence("eps", eps, LIMITS["eps"], "above")
    if dampening > LIMITS["dampening"]:
        return Evidence("dampening", dampening, LIMITS["dampening"], "above")
    if beta < LIMITS["beta2"]:
        return Evidence("second beta", beta, LIMITS["beta2"], "below")
    return None


def _settings(run: Run, key: str) -> list[float]:
    return [last for _, last in setting(run, key).values()]


def _reach(run: Run) -> float:
    """How far a weight moves per unit of rate, the median over layers and steps."""
    moved = movement(run)
    if moved is None or not moved.names:
        return np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        per_rate = moved.update / moved.rate[:, None]
    known = per_rate[np.isfinite(per_rate)]
    return float(np.median(known)) if len(known) else np.nan


def _finding(run: Run, progress: Learning, passed: Evidence, reach: float) -> Finding:
    slow = Evidence("update / rate", reach, LIMITS["reach"], "below")
    return Finding(
        disease="optimiser_misconfigured",
        severity="error",
        symptom=(
            f"The optimizer's {passed.name} is {passed.value:g}; a step moves a weight by "
            f"{reach:.2g} times the rate, and {progress.left:.0%} of the loss is left."
        ),
        cause="With such a constant the gradient hardly counts in the length of a step.",
        remedy=(
            "Take the defaults:\n"
            "    torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)\n"
            "    torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)     # dampening=0"
        ),
        evidence=(passed, slow) if slow.has_passed else (passed,),
        layers=(),
        steps=(1, run.last_step),
        confidence=0.95,
        panel="update_ratios",
    )
