"""GroupNorm, which needs no batch, in the place of batch normalisation."""

from __future__ import annotations

from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import BATCH_NORMS, groups_of, put

ABOUT = About(("bn_small_batch", "bn_running_stats"))


def group_norm(case: Case) -> Proposals:
    names = [n for n, m in case.course.model.named_modules() if isinstance(m, BATCH_NORMS)]
    if not names:
        return

    def make(course: Course) -> None:
        for name in names:
            width = int(course.model.get_submodule(name).num_features)  # type: ignore[arg-type]
            new = nn.GroupNorm(groups_of(width), width)
            put(course, name, new)

    code = "nn.GroupNorm(8, channels)  # in the place of each batch normalisation"
    yield Change(f"GroupNorm for {len(names)} batch normalisations", code, make)
