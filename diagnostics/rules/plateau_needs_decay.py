"""The loss sits on the noise of a constant rate.

**What it looks at.** A rate that has not come down, steps that are still large, a loss that has
stopped, and gradients that no longer agree with those before them.

**Why it is bad.** The weights wander around the minimum at a distance that the rate sets. A tenth
of it would let them in, often at once.

**Where it comes from.** No schedule, or one that has not begun.

**What to do.** Let the rate fall towards the end:

    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)

**What it cannot see.** Whether the loss would really fall: try it (`fathom treat`).

Reference: Bottou, Curtis & Nocedal 2018, section 4 (the noise floor is proportional to the rate).
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import Learning, learning
from diagnostics.signs.movement import rate
from diagnostics.signs.pace import pace
from diagnostics.thresholds import thresholds

LIMITS = thresholds("plateau_needs_decay")
EXPLAINS = ("plateau",)


def plateau_needs_decay(run: Run) -> Verdict:
    """Is the loss flat and noisy under large steps of a constant rate?"""
    stride, progress = pace(run), learning(run)
    if stride is None or progress is None or len(progress.values) < LIMITS["values"]:
        return NotEnough("updates are not recorded, or too few training losses were logged")
    rates = rate(run, progress.steps)
    constant = bool(np.isfinite(rates).any()) and rates[-1] >= LIMITS["rate"] * np.nanmax(rates)
    large = stride.late > LIMITS["late"]
    some = LIMITS["left"] < progress.left < LIMITS["much"]
    if not (constant and large and some) or progress.is_lost:
        return None
    fell, noise = _second_half(progress)
    if fell > LIMITS["fell"] * progress.end or noise < LIMITS["noise"]:
        return None
    return Finding(
        disease="plateau_needs_decay",
        severity="warning",
        symptom=(
            f"Over the second half the loss has stayed at {progress.end:.3g}, up and down by "
            f"{noise:.0%}, while each step still moves the weights by {stride.late:.2g} of their "
            "size."
        ),
        cause="The rate is constant: the weights wander around the minimum.",
        remedy=(
            "Let the rate fall towards the end:\n"
            "    torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)"
        ),
        evidence=(
            Evidence("update / weight, late", stride.late, LIMITS["late"], "above"),
            Evidence("noise of the loss", noise, LIMITS["noise"], "above"),
        ),
        layers=(),
        steps=(int(progress.steps[len(progress.steps) // 2]), run.last_step),
        confidence=0.6,
        panel="loss_curve",
    )


def _second_half(progress: Learning) -> tuple[float, float]:
    """How far the loss came down, and how much of it is noise."""
    half = progress.values[len(progress.values) // 2 :]
    before, after = np.median(half[: len(half) // 2]), np.median(half[len(half) // 2 :])
    return float(before - after), float(np.std(half) / max(abs(float(np.median(half))), 1e-12))
