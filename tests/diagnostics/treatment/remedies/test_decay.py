import pytest
from torch.optim.lr_scheduler import StepLR

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import proposed, training


def test_to_nought_or_to_a_tenth():
    (_, cosine), (_, tenth) = proposed("decay", training(lr=0.1), "plateau")
    for course in (cosine, tenth):
        assert course.groups[0]["lr"] == pytest.approx(0.1)
        run(course, 0, lambda: None)
    assert cosine.groups[0]["lr"] == pytest.approx(0.0, abs=1e-9)
    assert tenth.groups[0]["lr"] == pytest.approx(0.01)


def test_a_schedule_that_is_there_stays():
    given = training()
    given.scheduler = StepLR(given.optimizer, 3)
    assert proposed("decay", given) == []
