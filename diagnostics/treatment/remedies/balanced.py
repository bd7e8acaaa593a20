"""Rows drawn so that every class comes as often."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.rows import joined, size, some, split

ABOUT = About(("class_imbalance",), mends=True, judged_by="validation")


def balanced(case: Case) -> Proposals:
    """Judged by the mean over classes, in which the rare one counts as much as the common one."""
    target = case.target
    if not case.has_classes or target is None or target.dim() != 1:
        return
    code = (
        "weights = 1 / torch.bincount(labels)[labels]\n"
        "sampler = torch.utils.data.WeightedRandomSampler(weights.tolist(), len(labels))\n"
        "loader = DataLoader(data, batch_size, sampler=sampler)"
    )
    yield Change("classes drawn equally often", code, _drawn, over_classes)


def over_classes(answers: Tensor, target: Tensor) -> Tensor:
    """The mean of the classes' mean cross-entropies."""
    each = functional.cross_entropy(answers, target, reduction="none")
    return torch.stack([each[target == label].mean() for label in torch.unique(target)]).mean()


def _drawn(course: Course) -> None:
    sizes, every = [size(batch) for batch in course.batches], joined(course.batches)
    labels = every[1]
    weights = 1 / torch.bincount(labels)[labels].double()
    course.batches = split(some(every, torch.multinomial(weights, sum(sizes), True)), sizes)
