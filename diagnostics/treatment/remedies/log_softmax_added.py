"""A cross-entropy in the place of a likelihood of what are no logarithms of probabilities."""

from __future__ import annotations

import torch
from torch.nn import functional

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(
    ("loss_unbounded", "wrong_loss", "wrong_objective"), mends=True, judged_by="validation"
)


def log_softmax_added(case: Case) -> Proposals:
    """Where the loss is nll_loss, and the answers are not normalised."""
    answers = case.answers
    if answers is None or not case.has_classes or not case.loss_is(functional.nll_loss):
        return
    if torch.allclose(answers.exp().sum(-1), torch.ones(()), atol=1e-3):
        return
    code = "loss = nn.functional.cross_entropy(logits, y)  # it takes the log_softmax itself"
    yield Change("cross-entropy for nll_loss", code, _normalised, functional.cross_entropy)


def _normalised(course: Course) -> None:
    course.loss = functional.cross_entropy
