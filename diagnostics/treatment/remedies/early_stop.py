"""The weights of the best step on held-out data, in the place of the last ones."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("overfitting",), judged_by="validation")


def early_stop(case: Case) -> Proposals:
    if not case.course.unseen:
        return
    code = (
        "if val_loss < best:\n"
        "    best, kept = val_loss, copy.deepcopy(model.state_dict())\n"
        "...\n"
        "model.load_state_dict(kept)"
    )
    yield Change("the weights of the least held-out loss", code, _kept)


def _kept(course: Course) -> None:
    course.keeps_best = True
