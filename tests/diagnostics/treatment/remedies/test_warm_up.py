import pytest
from torch.optim.lr_scheduler import StepLR

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import only, proposed, training


def test_the_rate_grows_to_its_value():
    course = only("warm_up", training(lr=0.1), "lr_too_high")
    assert course.groups[0]["lr"] == pytest.approx(0.001)
    run(course, 0, lambda: None)
    assert course.groups[0]["lr"] == pytest.approx(0.1)


def test_a_schedule_that_is_there_stays():
    given = training()
    given.scheduler = StepLR(given.optimizer, 3)
    assert proposed("warm_up", given) == []
