from torch import nn

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import only, proposed, stack, training


def test_batch_statistics_are_learnt_again():
    course = only("train_mode", training(stack(nn.BatchNorm1d(8)), train_mode=False))
    run(course, 0, lambda: None)
    assert course.model[1].running_mean.abs().sum() > 0


def test_in_training_mode_there_is_nothing_to_do():
    assert proposed("train_mode", training()) == []
