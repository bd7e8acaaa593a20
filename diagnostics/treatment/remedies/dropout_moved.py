"""Dropout off the output: before the last layer with weights, or nowhere."""

from __future__ import annotations

from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import DROPOUTS, put

ABOUT = About(("misplaced_dropout", "excess_dropout"), mends=True)


def dropout_moved(case: Case) -> Proposals:
    if not case.weighty:
        return
    last = case.weighty[-1]
    after = case.order[case.order.index(last) + 1 :]
    late = [name for name in after if isinstance(case.module(name), DROPOUTS)]
    if not late:
        return

    def removed(course: Course) -> None:
        for name in late:
            put(course, name, nn.Identity())

    def moved(course: Course) -> None:
        drop = course.model.get_submodule(late[0])
        removed(course)
        put(course, last, nn.Sequential(drop, course.model.get_submodule(last)))

    yield Change(
        "no dropout after the last layer", "logits = last_layer(x)  # and no dropout", removed
    )
    yield Change("dropout before the last layer", "logits = last_layer(dropout(x))", moved)
