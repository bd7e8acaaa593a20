"""Rows mixed over all recorded batches."""

from __future__ import annotations

import torch

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.rows import joined, size, some, split

ABOUT = About(("unshuffled_data", "loss_spikes"), mends=True)


def shuffled(case: Case) -> Proposals:
    """By the trial's own chance, so that every seed has an order of its own."""
    if len(case.course.batches) > 1:
        yield Change("rows shuffled", "loader = DataLoader(data, batch_size, shuffle=True)", _mixed)


def _mixed(course: Course) -> None:
    sizes = [size(batch) for batch in course.batches]
    course.batches = split(some(joined(course.batches), torch.randperm(sum(sizes))), sizes)
