"""Gradients cut to the norm that a tenth of the untreated ones pass."""

from __future__ import annotations

import math

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(
    (
        *("loss_spikes", "exploding_gradient", "nonfinite_loss", "lr_too_high"),
        *("data_outliers", "weight_blowup", "dead_relu", "unnormalised_inputs"),
    )
)
TENTHS = (0.9, 0.5)


def clipping(case: Case) -> Proposals:
    """Where gradients are not clipped yet; by the 90th percentile, and more tightly."""
    if case.course.clip is not None:
        return
    limits = [case.quantile(share) for share in TENTHS]
    for limit in (*limits, 1.0):
        if not math.isfinite(limit):
            continue
        code = f"torch.nn.utils.clip_grad_norm_(model.parameters(), {limit:.3g})  # before step()"

        def make(course: Course, limit: float = limit) -> None:
            course.clip = limit

        yield Change(f"gradients clipped at a norm of {limit:.3g}", code, make)
