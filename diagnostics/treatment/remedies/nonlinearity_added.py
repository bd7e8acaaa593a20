"""A ReLU between layers that follow each other without a nonlinearity."""

from __future__ import annotations

from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import NORMS, WEIGHTY, chain, put

ABOUT = About(("missing_nonlinearity", "underfitting"), mends=True)
PASSING = (nn.Flatten, nn.Dropout, nn.Identity, *NORMS)  # what is between, and linear


def nonlinearity_added(case: Case) -> Proposals:
    bare = _bare(case)
    if not bare:
        return

    def make(course: Course) -> None:
        for name in bare:
            put(course, name, nn.Sequential(course.model.get_submodule(name), nn.ReLU()))

    code = f"nn.ReLU()  # after {', '.join(bare)}"
    yield Change(f"a ReLU after {len(bare)} layers that have none", code, make)


def _bare(case: Case) -> list[str]:
    """Layers whose output reaches the next one unbent; elsewhere than in stacks it is not known."""
    found, last = [], ""
    for name in case.order if chain(case.course.model) else ():
        module = case.module(name)
        if isinstance(module, WEIGHTY):
            found += [last] if last and _feeds(case, last, name) else []
            last = name
        elif not isinstance(module, PASSING):
            last = ""
    return found


def _feeds(case: Case, one: str, other: str) -> bool:
    """As far as sizes tell."""
    return case.given_by(one).numel() == case.given_to(other).numel()
