"""No schedule, in place of one that takes the rate away."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("scheduler_misuse", "lr_too_low", "no_update", "plateau", "underfitting"))


def constant_rate(case: Case) -> Proposals:
    if case.course.scheduler is None:
        return
    code = (
        "# scheduler.step() was called each step; call it once an epoch, or leave it out:\n"
        "for x, y in loader:\n"
        "    ...\n"
        "    optimizer.step()"
    )
    yield Change("no schedule: the rate that it started from", code, _constant)


def _constant(course: Course) -> None:
    course.scheduler = None
    for group in course.groups:
        group["lr"] = group.get("initial_lr", group["lr"])
