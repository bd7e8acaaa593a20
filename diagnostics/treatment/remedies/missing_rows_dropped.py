"""Training without the rows that hold NaN or infinity."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.rows import finite, size, whole

ABOUT = About(("nan_inputs", "nonfinite_loss"), mends=True)


def missing_rows_dropped(case: Case) -> Proposals:
    """Where there are some, and others."""
    fine = [finite(batch) for batch in case.course.batches]
    if all(bool(each.all()) for each in fine) or not any(bool(each.any()) for each in fine):
        return
    code = "keep = torch.isfinite(x).flatten(1).all(1)\nx, y = x[keep], y[keep]"
    yield Change("rows with NaN or infinity dropped", code, _dropped)


def _dropped(course: Course) -> None:
    kept = [whole(batch) for batch in course.batches]
    course.batches = [batch for batch in kept if size(batch)]
