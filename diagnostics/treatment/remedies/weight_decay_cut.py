"""Weight decay of a hundredth, and none."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("excess_weight_decay", "underfitting"), mends=True)


def weight_decay_cut(case: Case) -> Proposals:
    strongest = max(float(group.get("weight_decay", 0)) for group in case.course.groups)
    if not strongest:
        return
    for factor in (0.01, 0.001, 0.0):

        def make(course: Course, factor: float = factor) -> None:
            for group in course.groups:
                group["weight_decay"] *= factor

        kind, value = type(case.course.optimizer).__name__, strongest * factor
        code = f"optimizer = torch.optim.{kind}(model.parameters(), lr, weight_decay={value:.3g})"
        yield Change(f"weight decay of {value:.3g} for {strongest:.3g}", code, make)
