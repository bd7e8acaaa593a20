"""Running statistics that keep up: batch normalisation's momentum of 0.1."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import BATCH_NORMS

ABOUT = About(("bn_running_stats",), mends=True)
USUAL = 0.1


def running_statistics(case: Case) -> Proposals:
    norms = [m for m in case.course.model.modules() if isinstance(m, BATCH_NORMS)]
    if all(norm.momentum == USUAL for norm in norms):
        return
    yield Change("momentum of 0.1", "nn.BatchNorm2d(channels, momentum=0.1)", _usual)


def _usual(course: Course) -> None:
    for module in course.model.modules():
        if isinstance(module, BATCH_NORMS):
            module.momentum = USUAL
