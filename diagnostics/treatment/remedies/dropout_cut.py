"""Half of the dropout, a little of it, and none."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import DROPOUTS

ABOUT = About(("excess_dropout", "underfitting"), mends=True)
MODEST = 0.1


def dropout_cut(case: Case) -> Proposals:
    drops = [module for module in case.course.model.modules() if isinstance(module, DROPOUTS)]
    strongest = max((drop.p for drop in drops), default=0.0)
    if not strongest:
        return
    for share in sorted({strongest / 2, min(MODEST, strongest / 2), 0.0}, reverse=True):

        def make(course: Course, factor: float = share / strongest) -> None:
            for module in course.model.modules():
                if isinstance(module, DROPOUTS):
                    module.p *= factor

        code = f"nn.Dropout({share:.2g})  # where it was {strongest:.2g}"
        yield Change(f"dropout of {share:.2g} for {strongest:.2g}", code, make)
