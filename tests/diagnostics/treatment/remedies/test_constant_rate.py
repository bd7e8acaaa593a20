import pytest
from torch.optim.lr_scheduler import LambdaLR

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import only, proposed, training


def test_the_rate_is_the_first_one_however_far_the_schedule_went():
    given = training(lr=0.2)
    given.scheduler = LambdaLR(given.optimizer, lambda step: 0.1**step)
    given.optimizer.step()
    given.scheduler.step()
    assert given.optimizer.param_groups[0]["lr"] == pytest.approx(0.02)
    course = only("constant_rate", given, "lr_too_low")
    run(course, 0, lambda: None)
    assert course.groups[0]["lr"] == pytest.approx(0.2)


def test_without_a_schedule_there_is_nothing_to_take_away():
    assert proposed("constant_rate", training()) == []
