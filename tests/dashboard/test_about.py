"""The conditions in words: whatever changes a number is said."""

from __future__ import annotations

import pytest

from dashboard.about import centre, conditions, label
from tests.dashboard.around import make_about


def test_everything_that_moves_a_number_is_said() -> None:
    told = conditions(make_about(batches=4))
    for part in ("256 examples of the recorded batch", "4,000", "4 batches", "float32", "own stat"):
        assert part in told


@pytest.mark.parametrize(
    ("statistics", "words"),
    [("running", "running statistics"), ("re-estimated", "re-estimated at each"), ("none", "")],
)
def test_the_statistics_of_batch_norm_are_named(statistics: str, words: str) -> None:
    told = conditions(make_about(statistics=statistics))
    assert words in told
    assert ("Batch norm" in told) == bool(words)


def test_a_model_in_memory_has_no_step() -> None:
    assert centre(make_about(step=-1)) == "the model in memory"
    assert centre(make_about(step=12_000)) == "step 12,000"


def test_a_label_says_statistics_only_where_they_are_not_the_usual_ones() -> None:
    assert label(make_about()) == "step 400, batch statistics"
    assert label(make_about(statistics="running")) == "step 400"
