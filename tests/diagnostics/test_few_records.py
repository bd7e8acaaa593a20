"""Evenly spread, never too many, and the same while a run grows."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.few_records import few_records


@pytest.mark.parametrize("many", [1, 2, 3, 23, 24, 25, 63, 5000])
def test_first_and_last_are_there_and_never_too_many(many: int) -> None:
    found = few_records(many, 24)
    assert (found[0], found[-1]) == (0, many - 1)
    assert min(many, 12) <= len(found) <= 24
    assert len(np.unique(np.diff(found)[:-1])) <= 1


def test_all_that_were_between_stay_until_every_second_goes() -> None:
    before = few_records(100, 24)
    for many in range(101, 180):
        after = few_records(many, 24)
        kept = set(before[:-1].tolist())
        assert kept <= set(after.tolist()) or set(after[:-1].tolist()) < kept | set(range(100, 180))
        before = after


def test_of_none_there_are_none() -> None:
    assert few_records(0, 24).size == 0
