from __future__ import annotations

import pytest

from probes.validation_steps import VAIN, ValidationSteps


def expected(steps, last):
    return [step for step in range(1, last + 1) if steps.expects(step)]


@pytest.mark.parametrize(
    "name", ["val_loss", "valid/acc", "eval.loss", "loss/val", "Validation loss", "test", "dev-f1"]
)
def test_names_of_validations(name):
    steps = ValidationSteps(0)
    assert steps.logged(["loss", name], 10)
    assert expected(steps, 45) == [20, 30, 40]


@pytest.mark.parametrize("name", ["value_loss", "loss", "device", "testing", "latest", "interval"])
def test_other_names(name):
    steps = ValidationSteps(0)
    assert not steps.logged([name], 10)
    assert expected(steps, 100) == []


def test_the_period_is_that_of_the_last_two():
    steps = ValidationSteps(100)  # a run that was resumed
    steps.logged(["val"], 100)  # before the first step
    steps.logged(["val"], 130)
    assert expected(steps, 200) == [160, 190]
    steps.logged(["val"], 180)
    steps.logged(["val"], 180)  # a second value of the same validation
    assert expected(steps, 300) == [230, 280]


def test_without_a_validation_none_is_expected():
    assert expected(ValidationSteps(0), 1000) == []


def test_after_many_that_did_not_come_none_is_expected_until_one_shows_itself():
    steps = ValidationSteps(0)
    steps.logged(["val"], 1)
    for _ in range(VAIN):
        assert steps.expects(2)
        steps.came(0, expected=False, logged=False)
        steps.came(0, expected=True, logged=True)
    assert not steps.expects(2)
    assert steps.came(3, expected=False, logged=True)
    assert steps.expects(2)


def test_passes_that_are_there_at_most_steps_are_no_validations():
    steps = ValidationSteps(0)
    assert steps.others == 0
    for passes in (2, 2, 0, 2):
        assert not steps.came(passes, expected=False, logged=False)
    assert steps.others == 2
    assert not steps.came(2, expected=False, logged=True)
    assert steps.came(3, expected=False, logged=True)
    assert steps.others == 2


def test_a_few_steps_with_passes_say_nothing_of_the_others():
    steps = ValidationSteps(0)
    for passes in (0, 0, 50):
        steps.came(passes, expected=False, logged=False)
    assert steps.others == 0
