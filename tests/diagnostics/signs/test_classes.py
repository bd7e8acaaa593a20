from __future__ import annotations

import numpy as np

from diagnostics.signs.classes import FEW, late_classes
from tests.diagnostics.written import written


def counted(tmp_path, *tables):
    steps = np.linspace(1, 10, len(tables)).astype(int)
    arrays = {"answers/classes": ("[class, (asked, answered, right)]", steps, tables)}
    return late_classes(written(tmp_path, arrays=arrays, scalars={"loss": [1.0] * 10}))


def test_what_is_late_counts_where_it_is_enough(tmp_path):
    early, late = [[50, 0, 0], [50, 100, 50]], [[60, 70, 55], [40, 30, 25]]
    found = counted(tmp_path, early, late)
    assert found is not None
    assert found.asked.tolist() == [60, 40]
    assert found.answered.tolist() == [70, 30]
    assert found.right.tolist() == [55, 25]
    assert found.first == 10


def test_a_rare_class_takes_the_whole_run(tmp_path):
    early, late = [[50, 50, 50], [FEW, 5, 5]], [[60, 60, 60], [FEW - 1, 4, 4]]
    found = counted(tmp_path, early, late)
    assert found is not None
    assert found.asked.tolist() == [110, 2 * FEW - 1]
    assert found.first == 1


def test_no_more_is_taken_than_a_rare_class_needs(tmp_path):
    """What was answered before anything was learnt does not count."""
    at_first, then, late = (
        [[50, 0, 0], [9, 9, 0]],
        [[50, 50, 50], [5, 5, 5]],
        [[60, 60, 60], [4, 4, 4]],
    )
    found = counted(tmp_path, at_first, then, late)
    assert found is not None
    assert (found.asked.tolist(), found.right.tolist()) == ([110, 9], [110, 9])
    assert found.first == 5


def test_a_class_that_never_comes_asks_for_nothing(tmp_path):
    early, late = [[9, 9, 9], [0, 0, 0]], [[8, 8, 8], [0, 0, 0]]
    found = counted(tmp_path, early, late)
    assert found is not None
    assert found.asked.tolist() == [8, 0]


def test_without_classes_there_is_nothing(tmp_path):
    assert late_classes(written(tmp_path, scalars={"loss": [1.0]})) is None
