"""An optimizer that holds all of the model's parameters, and no other's."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import hold

ABOUT = About(("params_not_in_optimizer", "no_update", "plateau", "underfitting"), mends=True)


def all_parameters(case: Case) -> Proposals:
    held = {id(p) for group in case.course.groups for p in group["params"]}
    trainable = [p for p in case.course.model.parameters() if p.requires_grad]
    missing = [p for p in trainable if id(p) not in held]
    if not missing:
        return
    kind = type(case.course.optimizer).__name__
    code = f"optimizer = torch.optim.{kind}(model.parameters(), ...)  # of this very model"
    yield Change(f"the {len(missing)} parameters that no optimizer holds", code, _held)


def _held(course: Course) -> None:
    hold(course, (p for p in course.model.parameters() if p.requires_grad))
