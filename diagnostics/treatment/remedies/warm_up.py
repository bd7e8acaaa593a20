"""A learning rate that grows to its value over the first tenth of the steps."""

from __future__ import annotations

from torch.optim.lr_scheduler import LinearLR

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("lr_too_high", "exploding_gradient", "loss_spikes", "dead_relu", "nonfinite_loss"))
SHARE = 0.1


def warm_up(case: Case) -> Proposals:
    """Where no schedule is in its place already."""
    if case.course.scheduler is not None:
        return
    steps = max(2, round(SHARE * case.course.steps))
    code = (
        f"scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 0.01, total_iters={steps})\n"
        "...\n"
        "optimizer.step()\n"
        "scheduler.step()"
    )

    def make(course: Course) -> None:
        course.scheduler = LinearLR(course.optimizer, 0.01, total_iters=steps)

    yield Change(f"warm-up over {steps} steps", code, make)
