from __future__ import annotations

import numpy as np

from diagnostics.highlights import course_of, extremes_of, last_values
from probes.highlights import Highlights


def told(values):
    highlights = Highlights()
    highlights.follow("loss", np.arange(len(values)), np.array(values))
    return highlights.told()


def test_the_course_of_a_scalar():
    course = course_of(told([3.0, np.nan, 1.0]), "loss")
    assert course.width == 1
    assert np.array_equal(course.low, [3.0, np.nan, 1.0], equal_nan=True)
    assert np.array_equal(course.high, course.low, equal_nan=True)
    assert course.lost.tolist() == [False, True, False]


def test_its_extremes():
    assert extremes_of(told([3.0, np.nan, 1.0]), "loss") == (1.0, 3.0)


def test_what_an_older_or_a_damaged_summary_does_not_know():
    for damaged in ({}, {"outlines": 3, "extremes": 3}, {"outlines": {}, "extremes": {}}):
        assert course_of(damaged, "loss") is None
        assert extremes_of(damaged, "loss") is None
    for damaged in ({"loss": 3}, {"loss": [1, 2]}, {"loss": ["a", 0, "b", 0]}, ["loss"]):
        assert extremes_of({"extremes": damaged}, "loss") is None
        assert course_of({"outlines": damaged}, "loss") is None


def test_last_values_are_those_that_the_user_has_logged():
    scalars = {"loss": 0.5, "acc": "nan", "optimizer/0/lr": 0.1, "odd": [], "word": "none"}
    found = last_values({"scalars": scalars})
    assert found["loss"] == 0.5
    assert np.isnan(found["acc"])
    assert set(found) == {"loss", "acc"}
    assert last_values({}) == last_values({"scalars": 3}) == {}
