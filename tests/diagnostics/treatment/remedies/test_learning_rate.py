import pytest
from torch.optim.lr_scheduler import LambdaLR

from tests.diagnostics.treatment.treated import proposed, training


def factors(*diseases, effects=()):
    found = proposed("learning_rate", training(lr=0.1), *diseases, effects=effects)
    return [round(course.groups[0]["lr"] / 0.1, 6) for _, course in found]


def test_both_ways_where_it_is_not_known_which():
    assert factors("plateau") == [0.3, 0.1, 0.03, 3.0, 10.0]


def test_one_way_where_it_is():
    assert factors("lr_too_low") == [3.0, 10.0]
    assert factors("lr_too_high") == [0.3, 0.1, 0.03]


def test_on_and_on_while_it_gets_better():
    assert factors("lr_too_low", effects=[-0.1, -0.2, -0.3, -0.25]) == [3.0, 10.0, 100.0, 1000.0]


def test_a_schedule_starts_from_the_new_rate():
    given = training(lr=0.1)
    given.scheduler = LambdaLR(given.optimizer, lambda step: 0.5**step)
    ((_, course), *_) = proposed("learning_rate", given, "lr_too_low")
    assert course.groups[0]["lr"] == pytest.approx(0.3)
    assert course.scheduler.base_lrs == [pytest.approx(0.3)]


def test_the_code_says_the_rate():
    ((change, _), *_) = proposed("learning_rate", training(lr=0.1), "lr_too_low")
    assert "torch.optim.SGD(model.parameters(), lr=0.3)" in change.code
