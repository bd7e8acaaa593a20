"""The steps are too small to matter in the length of this training.

**What it looks at.** How far each weight matrix moves in a step, relative to its size, in the
middle of the run and towards its end; and what is left of the loss.

**Why it is bad.** Most of the training is waiting: the weights hardly leave the place where they
were drawn.

**Where it comes from.** A rate that is too small by a factor of ten or more for this optimizer, or
a schedule that took it away: a decay per epoch that is applied per batch.

**What to do.** Three to ten times the rate, as long as the loss falls faster; typical steps move a
weight matrix by 0.0001 to 0.02 of its size:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

**What it cannot see.** A rate that would do if the run were longer. Where clipping, an optimizer's
eps or a vanishing gradient make the steps small, these are named as the cause.

Reference: the ratio of update to weight, CS231n.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.pace import pace
from diagnostics.thresholds import thresholds

LIMITS = thresholds("lr_too_low")
EXPLAINS = ("plateau", "underfitting", "no_signal", "no_update", "label_noise")


def lr_too_low(run: Run) -> Verdict:
    """Are the steps too small while most of the loss is left?"""
    stride, progress = pace(run), learning(run)
    if stride is None:
        return NotEnough("updates and weights are not recorded, or at fewer than three steps")
    if progress is None:
        return NotEnough("no training loss was logged")
    small = stride.middle < LIMITS["ratio"] and not stride.late > LIMITS["ratio"]
    overshot = stride.early > LIMITS["early"]  # and has stood still ever since
    if not small or overshot or progress.is_lost or not progress.left > LIMITS["left"]:
        return None
    return Finding(
        disease="lr_too_low",
        severity="error",
        symptom=(
            f"A step moves the weights by {stride.middle:.1g} of their size, and "
            f"{progress.left:.0%} of the loss is left."
        ),
        cause="The learning rate, or what its schedule has left of it, is too small.",
        remedy=(
            "Raise the rate by three to ten, as long as the loss falls faster; look at the unit "
            "(epochs or steps) of the schedule:\n"
            "    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)"
        ),
        evidence=(
            Evidence("update / weight, midway", stride.middle, LIMITS["ratio"], "below"),
            Evidence("share of the loss left", progress.left, LIMITS["left"], "above"),
        ),
        layers=(),
        steps=_steps(stride.steps.tolist(), (stride.ratio < LIMITS["ratio"]).tolist()),
        confidence=0.9,
        panel="update_ratios",
    )


def _steps(steps: list[int], small: list[bool]) -> tuple[int, int]:
    first = next((step for step, is_small in zip(steps, small, strict=True) if is_small), steps[0])
    return first, steps[-1]
