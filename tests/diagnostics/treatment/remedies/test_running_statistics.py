from torch import nn

from tests.diagnostics.treatment.treated import only, proposed, stack, training


def test_the_momentum_is_the_usual_one():
    given = training(stack(nn.BatchNorm1d(8, momentum=1e-3)))
    assert only("running_statistics", given, "bn_running_stats").model[1].momentum == 0.1
    assert given.model[1].momentum == 1e-3


def test_the_usual_one_is_left_alone():
    assert proposed("running_statistics", training(stack(nn.BatchNorm1d(8)))) == []
    assert proposed("running_statistics", training()) == []
