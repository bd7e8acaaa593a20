"""The model in training mode while it trains."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("train_mode_wrong",), mends=True, judged_by="validation")


def train_mode(case: Case) -> Proposals:
    if case.course.model.training:
        return
    yield Change(
        "model.train() before training", "model.train()\nfor x, y in loader:\n    ...", _on
    )


def _on(course: Course) -> None:
    course.train_mode = True
    course.model.train()
