"""Training without the few rows that are far from all others."""

from __future__ import annotations

import torch
from torch import Tensor

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.rows import size, some, tensors

ABOUT = About(("data_outliers", "loss_spikes", "exploding_gradient", "nonfinite_loss"))
FAR = 8.0  # robust standard deviations of the logarithm of a row's rms
MOST = 0.05  # of the rows: more are no outliers


def outliers_dropped(case: Case) -> Proposals:
    """By inputs and targets alike."""
    far = [_far(batch) for batch in case.course.batches]
    limit, share = _limit(far), 0.0
    if limit is not None:
        share = float(torch.cat([(each > limit) for each in far]).float().mean())
    if limit is None or not 0 < share <= MOST:
        return

    def make(course: Course) -> None:
        kept = [(batch, (_far(batch) <= limit).nonzero()[:, 0]) for batch in course.batches]
        course.batches = [some(batch, rows) for batch, rows in kept if len(rows)]

    code = (
        "size = x.flatten(1).square().mean(1).sqrt().log()\n"
        f"keep = size <= {limit:.3g}  # {share:.2%} of the rows are larger\n"
        "x, y = x[keep], y[keep]"
    )
    yield Change(f"{share:.2%} of the rows dropped as outliers", code, make)


def _far(batch: object) -> Tensor:
    """The logarithm of each row's largest rms."""
    count = size(batch)
    rows = [
        each.detach().reshape(count, -1).square().mean(1).sqrt().clamp_min(1e-12).log().cpu()
        for each in tensors(batch)
        if each.is_floating_point() and each.dim() and len(each) == count
    ]
    return torch.stack(rows).max(0).values if rows else torch.zeros(count)


def _limit(far: list[Tensor]) -> float | None:
    every = torch.cat(far)
    every = every[torch.isfinite(every)]
    middle = every.median() if len(every) else torch.tensor(0.0)
    spread = 1.4826 * (every - middle).abs().median() if len(every) else torch.tensor(0.0)
    return float(middle + FAR * spread) if spread > 0 else None
