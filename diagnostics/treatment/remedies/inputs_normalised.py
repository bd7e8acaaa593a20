"""Inputs brought to mean 0 and standard deviation 1 by a fixed layer in front of the model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import put

ABOUT = About(
    (
        *("unnormalised_inputs", "preprocessing_mismatch", "saturated_activations", "dead_relu"),
        *("exploding_gradient", "lr_too_high", "plateau", "bad_init_scale", "fp16_overflow"),
    )
)
NORMAL = 3.0  # means and standard deviations up to this, and down to its inverse, are left alone


class Standardise(nn.Module):
    """Each column, or channel, by the training data's statistics."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def inputs_normalised(case: Case) -> Proposals:
    """Where they are not normal already."""
    inputs = case.float_inputs()
    if inputs is None:
        return
    mean, std = statistics(inputs, by_channel=_starts_with_convolution(case))
    if bool((mean.abs() <= NORMAL).all() and (std <= NORMAL).all() and (std >= 1 / NORMAL).all()):
        return

    def make(course: Course) -> None:
        put(course, "", nn.Sequential(Standardise(mean, std), course.model))

    code = (
        "mean, std = train_x.mean(0), train_x.std(0).clamp_min(1e-6)  # images: by channel\n"
        "x = (x - mean) / std  # training and validation alike, by the training data's"
    )
    yield Change("inputs standardised", code, make)


def statistics(inputs: Tensor, *, by_channel: bool) -> tuple[Tensor, Tensor]:
    """Of finite values; a constant column is only centred."""
    kept = 1 if by_channel and inputs.dim() > 2 else inputs.dim() - 1
    over = [axis for axis in range(inputs.dim()) if axis != kept]
    fine = torch.isfinite(inputs)
    count = fine.sum(over, keepdim=True).clamp_min(1)
    known = torch.where(fine, inputs, 0.0)
    mean = known.sum(over, keepdim=True) / count
    square = (torch.where(fine, inputs - mean, 0.0) ** 2).sum(over, keepdim=True) / count
    std = square.sqrt()
    return mean, torch.where(std > 1e-6 * (1 + mean.abs()), std, 1.0)


def _starts_with_convolution(case: Case) -> bool:
    return bool(case.weighty) and not isinstance(case.module(case.weighty[0]), nn.Linear)
