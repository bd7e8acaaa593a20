"""AdamW in place of SGD: each weight at a rate of its own."""

from __future__ import annotations

from torch.optim import SGD, AdamW

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(
    (
        *("plateau", "underfitting", "lr_too_low", "vanishing_gradient", "lr_too_high"),
        *("over_clipping", "stale_momentum", "no_update"),
    )
)
RATES = (1e-3, 3e-3)


def adamw(case: Case) -> Proposals:
    if not isinstance(case.course.optimizer, SGD) or case.course.scheduler is not None:
        return
    for rate in RATES:

        def make(course: Course, rate: float = rate) -> None:
            held = [p for group in course.groups for p in group["params"]]
            course.optimizer = AdamW(held, rate)

        code = f"optimizer = torch.optim.AdamW(model.parameters(), {rate:g})"
        yield Change(f"AdamW with a rate of {rate:g}", code, make)
