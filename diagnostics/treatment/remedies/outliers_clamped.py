"""Inputs held within their column's usual range, and brought to a standard deviation of 1 there."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.remedies.inputs_normalised import Standardise, statistics
from diagnostics.treatment.structure import put

ABOUT = About(("data_outliers", "loss_spikes", "unnormalised_inputs"))
FAR = 8.0  # robust standard deviations from the median
MOST = 0.1  # of a column's values: more are no outliers
LOOKED = 4096  # rows, at most, that the range is taken from


class Clamp(nn.Module):
    """Each column by limits of its own."""

    low: Tensor
    high: Tensor

    def __init__(self, low: Tensor, high: Tensor) -> None:
        super().__init__()
        self.register_buffer("low", low)
        self.register_buffer("high", high)

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(self.low, self.high)


def outliers_clamped(case: Case) -> Proposals:
    """Where some values lie far from all others of their column."""
    inputs = case.float_inputs()
    if inputs is None or not bool(torch.isfinite(inputs).all()):
        return
    low, high = limits(inputs[:LOOKED])
    far = ((inputs < low) | (inputs > high)).float().flatten(0, -2).mean(0)
    if not 0 < float(far.max()) <= MOST:
        return
    clamp = Clamp(low, high)
    mean, std = statistics(clamp(inputs), by_channel=False)

    def make(course: Course) -> None:
        front = Clamp(low, high), Standardise(mean, std)
        put(course, "", nn.Sequential(*front, course.model))

    code = (
        "low, high = train_x.quantile(0.01, 0), train_x.quantile(0.99, 0)\n"
        "x = x.clamp(low, high)\n"
        "x = (x - mean) / std  # of the clamped training data"
    )
    yield Change("inputs clamped to their usual range", code, make)


def limits(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Of the last axis; a column that is nearly always the same has none."""
    rows = inputs.flatten(0, -2)
    middle = rows.median(0).values
    spread = 1.4826 * (rows - middle).abs().median(0).values
    width = torch.where(spread > 0, FAR * spread, torch.inf)
    return middle - width, middle + width
