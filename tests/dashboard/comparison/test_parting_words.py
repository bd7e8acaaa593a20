"""Where two runs part, in sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.comparison.parting_words import between, details, headline, told
from diagnostics.parting import Difference, parting
from tests.twins import twin


def first(**changes: object) -> Difference:
    made = Difference(120, 80, "gradients", "encoder.3.weight", "encoder.3", "Linear", (), 0.25)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_twins_are_identical_throughout() -> None:
    said = headline(parting(twin("base"), twin("again")))
    assert said.startswith("Identical throughout, bit for bit as far as recorded: ")
    assert said.endswith("at 12 common steps.")
    assert details(parting(twin("base"), twin("again"))) == []


def test_a_known_change_is_told_with_its_step() -> None:
    said = headline(parting(twin("base"), twin("poked")))
    assert said.startswith("Identical until step 6; at step 7 first the output of 2, by ")


def test_from_the_start() -> None:
    said = headline(parting(twin("base"), twin("faster")))
    assert said.startswith(
        "They differ from step 1 on, the first that both recorded: first the update of "
    )


def test_what_the_loss_saw_before_the_tensors_were_looked_at() -> None:
    found = parting(twin("base"), twin("sparse"))
    assert headline(found).startswith("Identical until step 6; at step 7 first the training loss")
    assert any(said.startswith("Of tensors between step 6 and") for said in details(found)) or any(
        said.startswith("Of tensors between step 5 and 10") for said in details(found)
    )


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (first(), "between step 80 and 120"),
        (first(since=119), "at step 120"),
        (first(since=-1), "from step 120, the first that both recorded"),
    ],
)
def test_how_exactly_the_step_is_known(difference: Difference, said: str) -> None:
    assert between(difference) == said


def test_what_differs_is_told_with_its_size() -> None:
    assert told(first()) == "encoder.3.weight's gradient, by 0.25 of its size"
    assert told(first(distance=float("inf"))).endswith("where one of them is no number")


def test_noise_is_told_from_a_real_difference() -> None:
    assert "They never come apart by more than 0.001 of the size." in details(
        parting(twin("base"), twin("nudged"))
    )


def test_layers_of_one_run_alone_are_listed() -> None:
    said = [each for each in details(parting(twin("base"), twin("wide"))) if each.startswith("Of ")]
    assert said == ["Of another shape: 0.weight, 0.bias, 2.weight, 2.bias, 5.weight."]
