"""Gradients cleared before each backward pass."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("zero_grad_missing",), mends=True)


def zero_grad(case: Case) -> Proposals:
    if case.course.zero_grad_every:
        return
    code = "optimizer.zero_grad()\nloss.backward()\noptimizer.step()"
    yield Change("optimizer.zero_grad() at each step", code, _cleared)


def _cleared(course: Course) -> None:
    course.zero_grad_every = 1
