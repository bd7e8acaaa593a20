"""A learning rate that decays: by a cosine to nought, or to a tenth half-way."""

from __future__ import annotations

from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("plateau_needs_decay", "plateau", "loss_spikes", "lr_too_high"))
PLACE = "torch.optim.lr_scheduler"


def decay(case: Case) -> Proposals:
    """Where no schedule is in its place already."""
    if case.course.scheduler is not None:
        return
    each_step = "  # and scheduler.step() after each optimizer.step()"
    yield Change(
        "cosine decay of the learning rate",
        f"scheduler = {PLACE}.CosineAnnealingLR(optimizer, steps){each_step}",
        _cosine,
    )
    yield Change(
        "a tenth of the learning rate for the second half",
        f"scheduler = {PLACE}.MultiStepLR(optimizer, [steps // 2]){each_step}",
        _half_way,
    )


def _cosine(course: Course) -> None:
    course.scheduler = CosineAnnealingLR(course.optimizer, course.steps)


def _half_way(course: Course) -> None:
    course.scheduler = MultiStepLR(course.optimizer, [course.steps // 2])
