import pytest
from torch import nn
from torch.optim import AdamW

from tests.diagnostics.treatment.treated import proposed, stack, training


def test_decay_and_dropout():
    found = [course for _, course in proposed("regularised", training(), "overfitting")]
    decays = [course.groups[0]["weight_decay"] for course in found]
    assert decays == pytest.approx([1e-3, 1e-2, 0.0])
    assert isinstance(found[2].model[2][0], nn.Dropout)


def test_a_stronger_decay_stays():
    model = stack()
    given = training(model, optimizer=AdamW(model.parameters(), 0.01, weight_decay=0.5))
    (_, weak), (_, strong), _ = proposed("regularised", given)
    assert (weak.groups[0]["weight_decay"], strong.groups[0]["weight_decay"]) == (0.5, 1.0)
