"""Regression targets brought to mean 0 and standard deviation 1; answers are brought back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("unnormalised_targets", "exploding_gradient", "lr_too_high", "plateau"), mends=True)
NORMAL = 5.0  # an rms up to this, and down to its inverse, is left alone


def targets_normalised(case: Case) -> Proposals:
    """Where there is one tensor of numbers far from normal to be met."""
    target = case.target
    if target is None or not target.is_floating_point() or case.answers is None:
        return
    known = torch.cat([batch[1] for batch in case.course.batches])
    rms = float(known.square().mean().sqrt())
    if 1 / NORMAL <= rms <= NORMAL or not rms:
        return
    mean, std = known.mean(0), known.std(0).clamp_min(1e-12)

    def make(course: Course) -> None:
        loss = course.loss
        assert callable(loss)

        def normal(answers: Any, wanted: Tensor) -> Any:
            return loss(answers, (wanted - mean) / std)

        course.loss, course.as_before = normal, lambda answers: answers * std + mean

    code = (
        "mean, std = train_y.mean(0), train_y.std(0)\n"
        "loss = loss_fn(model(x), (y - mean) / std)\n"
        "prediction = model(x) * std + mean"
    )
    yield Change("targets standardised", code, make)
