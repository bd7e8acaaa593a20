import pytest
from torch.optim import AdamW

from tests.diagnostics.treatment.treated import proposed, stack, training


def test_a_hundredth_a_thousandth_and_none_in_every_group():
    model = stack()
    groups = [
        {"params": model[0].parameters(), "weight_decay": 20.0},
        {"params": model[2].parameters(), "weight_decay": 2.0},
    ]
    found = proposed("weight_decay_cut", training(model, optimizer=AdamW(groups, 0.01)))
    decays = [[group["weight_decay"] for group in course.groups] for _, course in found]
    assert decays == [pytest.approx(pair) for pair in ([0.2, 0.02], [0.02, 0.002], [0.0, 0.0])]


def test_without_decay_nothing_is_proposed():
    assert proposed("weight_decay_cut", training()) == []
