"""The sign of a loss, or of the penalty in it, turned round."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(
    ("wrong_objective", "weight_blowup", "loss_unbounded"), mends=True, judged_by="validation"
)
Pair = Callable[[Tensor, Tensor], Tensor]


def objective_sign(case: Case) -> Proposals:
    """Judged by the plain loss of the task, which no sign and no penalty is in."""
    plain = _plain(case)
    if plain is None:
        return
    if case.loss_is(lambda answers, target: -plain(answers, target)):
        yield Change("the loss with the other sign", "(-loss).backward()", _turned, plain)
    elif _pays_for_growth(case):
        code = "loss = task_loss + strength * penalty  # not minus: weights are paid to grow"
        yield Change("the penalty with the other sign", code, _penalty_turned, plain)


def _plain(case: Case) -> Pair | None:
    target, answers = case.target, case.answers
    if case.has_classes:
        return over_classes
    alike = target is not None and answers is not None and target.shape == answers.shape
    return functional.mse_loss if alike else None


def over_classes(answers: Tensor, target: Tensor) -> Tensor:
    """Of classes along the last axis."""
    return functional.cross_entropy(answers.flatten(0, -2), target.flatten())


def _pays_for_growth(case: Case) -> bool:
    """Does what the loss makes of the weights alone fall as they grow?"""
    answers, target, loss = case.answers, case.target, case.course.loss
    assert answers is not None
    assert callable(loss)
    weights = [p for p in case.course.model.parameters() if p.requires_grad]
    found = loss(answers.detach(), target)
    if not found.requires_grad:
        return False
    slopes = torch.autograd.grad(found, weights, allow_unused=True)
    along = sum(
        float((slope * weight.detach()).sum())
        for slope, weight in zip(slopes, weights, strict=True)
        if slope is not None
    )
    return along < 0


def _turned(course: Course) -> None:
    loss = course.loss
    assert callable(loss)
    course.loss = lambda answers, target: -loss(answers, target)


def _penalty_turned(course: Course) -> None:
    """Twice the penalty off: what is left of the loss once the answers are given."""
    loss = course.loss
    assert callable(loss)
    course.loss = lambda answers, target: loss(answers, target) - 2 * loss(answers.detach(), target)
