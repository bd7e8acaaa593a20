"""Why two runs part, by what differs first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnostics.parting import parting
from diagnostics.parting_cause import cause
from tests.twins import twin


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("faster", "Same gradients, and another update"),
        ("other-data", "other batches"),
        ("reseeded", "another initialisation"),
        ("dropping", "draws random numbers"),
        ("smoothed", "compare the targets and the loss function"),
        ("poked", "its weights were changed between the two steps"),
        ("sparse", "between two looks"),
        ("wide", "not the same model"),
        ("nudged", "as rounding does"),
    ],
)
def test_each_known_difference_is_told(name: str, said: str) -> None:
    assert said in cause(parting(twin("base"), twin(name)))


def test_what_is_the_same_has_no_cause() -> None:
    assert cause(parting(twin("base"), twin("again"))) == ""


def test_a_validation_before_any_step_speaks_of_the_start_and_a_later_one_of_itself() -> None:
    found = parting(twin("base"), twin("reseeded"))
    assert found.first is not None
    early = replace(found.first, kind="validation", step=0, since=-1)
    assert "another seed or initialisation" in cause(replace(found, first=early))
    late = replace(early, step=8, since=8)
    assert "compare the held-out data" in cause(replace(found, first=late))


def test_a_large_difference_is_not_taken_for_rounding() -> None:
    assert "rounding" not in cause(parting(twin("base"), twin("poked")))


def test_without_a_look_at_the_batches_other_data_stays_possible() -> None:
    found = parting(twin("base"), twin("reseeded"))
    assert found.first is not None
    unseen = replace(found, first=replace(found.first, same=()))
    assert "or other data" in cause(unseen)
