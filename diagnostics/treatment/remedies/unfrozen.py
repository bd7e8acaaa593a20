"""Every parameter may move."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import hold

ABOUT = About(("frozen_parameters", "no_update"), mends=True)


def unfrozen(case: Case) -> Proposals:
    frozen = [name for name, p in case.course.model.named_parameters() if not p.requires_grad]
    if not frozen:
        return
    kind = type(case.course.optimizer).__name__
    code = (
        "model.requires_grad_(True)\n"
        f"optimizer = torch.optim.{kind}(model.parameters(), ...)  # made afterwards"
    )
    yield Change(f"{len(frozen)} frozen parameters unfrozen", code, _thawed)


def _thawed(course: Course) -> None:
    course.model.requires_grad_(True)
    hold(course, course.model.parameters())
