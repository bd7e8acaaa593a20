"""Clipping that leaves most gradients alone, or none at all."""

from __future__ import annotations

import math

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("over_clipping", "no_update"), mends=True)


def looser_clipping(case: Case) -> Proposals:
    if case.course.clip is None:
        return
    limit = case.quantile(0.9)
    if math.isfinite(limit) and limit > case.course.clip:
        code = f"torch.nn.utils.clip_grad_norm_(model.parameters(), {limit:.3g})"
        yield Change(f"gradients clipped at a norm of {limit:.3g}", code, _clipped_at(limit))
    code = "loss.backward()\noptimizer.step()  # without clip_grad_norm_"
    yield Change("no clipping", code, _clipped_at(None))


class _clipped_at:  # noqa: N801  (a change to make, read as one)
    def __init__(self, limit: float | None) -> None:
        self._limit = limit

    def __call__(self, course: Course) -> None:
        course.clip = self._limit
