"""Cross-entropy on logits for classes, in the place of a squared error on squashed answers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import put

ABOUT = About(("wrong_loss", "vanishing_gradient", "saturated_activations", "plateau"), mends=True)


def proper_loss(case: Case) -> Proposals:
    """Answers are squashed again to be judged as they were."""
    target, answers = case.target, case.answers
    if target is None or answers is None or target.shape != answers.shape:
        return
    squared = case.loss_is(functional.mse_loss) or case.loss_is(functional.l1_loss)
    if not squared or not bool(((target == 0) | (target == 1)).all()):
        return
    if answers.shape[-1] > 1 and bool((target.sum(-1) == 1).all()):
        code = "loss = nn.functional.cross_entropy(logits, y.argmax(-1))  # and no squashing before"
        make = _trained_by(case, nn.Softmax, _of_one_hot, lambda logits: logits.softmax(-1))
        yield Change("cross-entropy on logits", code, make)
    else:
        code = "loss = nn.functional.binary_cross_entropy_with_logits(logits, y)  # no sigmoid"
        loss = functional.binary_cross_entropy_with_logits
        yield Change(
            "binary cross-entropy on logits",
            code,
            _trained_by(case, nn.Sigmoid, loss, torch.sigmoid),
        )


def _of_one_hot(logits: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(logits, target.argmax(-1))


def _trained_by(
    case: Case,
    squashing: type[nn.Module],
    loss: Callable[[Tensor, Tensor], Tensor],
    squash: Callable[[Tensor], Tensor],
) -> Callable[[Course], None]:
    last = case.at_the_end
    squashed = last if last and isinstance(case.module(last), (squashing, nn.Sigmoid)) else ""

    def make(course: Course) -> None:
        if squashed:
            put(course, squashed, nn.Identity())
        course.loss, course.as_before = loss, squash

    return make
