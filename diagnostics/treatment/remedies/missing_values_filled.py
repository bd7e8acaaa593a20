"""Missing values replaced by their column's mean, in a fixed layer in front of the model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.remedies.inputs_normalised import statistics
from diagnostics.treatment.structure import put

ABOUT = About(("nan_inputs", "nonfinite_loss"), mends=True)


class Filled(nn.Module):
    """What is finite as it is; for all else what it was made with."""

    values: Tensor

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.register_buffer("values", values)

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(torch.isfinite(x), x, self.values)


def missing_values_filled(case: Case) -> Proposals:
    """Of a column in which all are missing, by nought."""
    inputs = case.float_inputs()
    if inputs is None or bool(torch.isfinite(inputs).all()):
        return
    mean, _ = statistics(inputs, by_channel=False)

    def make(course: Course) -> None:
        put(course, "", nn.Sequential(Filled(mean), course.model))

    code = "x = torch.where(torch.isfinite(x), x, train_x.nanmean(0).nan_to_num())"
    yield Change("missing values filled by their column's mean", code, make)
