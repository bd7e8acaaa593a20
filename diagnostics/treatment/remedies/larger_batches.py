"""Batches joined, so that each has more examples."""

from __future__ import annotations

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.rows import joined, size

ABOUT = About(("bn_small_batch", "loss_spikes", "plateau_needs_decay"))
WANTED = 32
MOST = 64  # batches that become one


def larger_batches(case: Case) -> Proposals:
    """To some tens of examples, where they have fewer."""
    sizes = [size(batch) for batch in case.course.batches]
    times = min(MOST, -(-WANTED // max(1, sizes[0])), len(sizes))
    if times < 2:
        return

    def make(course: Course) -> None:
        starts = range(0, len(course.batches) - times + 1, times)
        course.batches = [joined(course.batches[start : start + times]) for start in starts]

    larger = times * sizes[0]
    yield Change(
        f"batches of {larger} for {sizes[0]}", f"DataLoader(data, batch_size={larger})", make
    )
