"""The loss on logits: the softmax before it is taken away, or undone by a logarithm."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import put

ABOUT = About(("double_softmax", "wrong_loss"), mends=True)
SMALLEST = 1e-12


class Log(nn.Module):
    """Of probabilities, which makes them logits."""

    def forward(self, probabilities: Tensor) -> Tensor:
        return probabilities.clamp_min(SMALLEST).log()


def softmax_removed(case: Case) -> Proposals:
    """Where answers are probabilities already, and the loss is a cross-entropy of logits."""
    if not case.has_classes or not case.loss_is(functional.cross_entropy) or not _sum_to_one(case):
        return
    softmax = case.at_the_end
    if softmax and isinstance(case.module(softmax), nn.Softmax):
        code = "return self.last_layer(x)  # logits: nn.CrossEntropyLoss has a softmax of its own"
        yield Change("no softmax before the loss", code, _without(softmax), log_loss)
    else:
        code = "loss = nn.functional.nll_loss(model(x).clamp_min(1e-12).log(), y)"
        yield Change("the logarithm of the probabilities", code, _with_logarithm, log_loss)


def log_loss(probabilities: Tensor, target: Tensor) -> Tensor:
    """What a cross-entropy of the right logits would be."""
    return functional.nll_loss(probabilities.clamp_min(SMALLEST).log(), target)


class _without:  # noqa: N801  (a change to make, read as one)
    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, course: Course) -> None:
        put(course, self._name, nn.Identity())
        course.as_before = lambda logits: logits.softmax(-1)


def _with_logarithm(course: Course) -> None:
    put(course, "", nn.Sequential(course.model, Log()))
    course.as_before = torch.exp


def _sum_to_one(case: Case) -> bool:
    answers = case.answers
    assert answers is not None
    sums = torch.allclose(answers.sum(-1), torch.ones(()), atol=1e-3)
    return sums and bool((answers >= 0).all())
