import torch
from torch import nn

from tests.diagnostics.treatment.treated import points, proposed, stack, training


def test_the_output_is_no_longer_dropped():
    model = nn.Sequential(*stack(), nn.Dropout(0.5))
    (_, removed), (_, moved) = proposed("dropout_moved", training(model), "misplaced_dropout")
    x = points()[0]
    assert torch.equal(removed.model.train()(x), model.eval()(x))
    out = moved.model.train()(x)
    assert not torch.allclose(out, model(x))
    assert (out != 0).all()
    assert isinstance(moved.model[2][0], nn.Dropout)


def test_dropout_between_layers_is_in_its_place():
    assert proposed("dropout_moved", training(stack(nn.ReLU(), nn.Dropout(0.5)))) == []
