import pytest
from torch import nn

from tests.diagnostics.treatment.treated import proposed, stack, training


def test_half_a_little_and_none():
    found = proposed("dropout_cut", training(stack(nn.ReLU(), nn.Dropout(0.8))), "excess_dropout")
    assert [course.model[2].p for _, course in found] == pytest.approx([0.4, 0.1, 0.0])


def test_several_keep_their_proportions():
    model = stack(nn.Dropout(0.2), nn.ReLU(), nn.Dropout(0.8))
    ((_, course), *_) = proposed("dropout_cut", training(model))
    assert (course.model[1].p, course.model[3].p) == (pytest.approx(0.1), pytest.approx(0.4))


def test_without_dropout_nothing_is_proposed():
    assert proposed("dropout_cut", training()) == []
