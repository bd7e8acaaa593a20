import math

import pytest
import torch
from torch import nn
from torch.optim import SGD

from diagnostics.treatment.remedies.initialisation import gains_of
from tests.diagnostics.treatment.treated import case_of, points, proposed, training


def wide(activation, width=256):
    layers = [nn.Linear(6, width), activation(), nn.Linear(width, width), activation()]
    return nn.Sequential(*layers, nn.Linear(width, 3))


@pytest.mark.parametrize(
    ("activation", "gain"),
    [(nn.ReLU, math.sqrt(2)), (nn.GELU, math.sqrt(2)), (nn.Tanh, 5 / 3), (nn.Sigmoid, 1.0)],
)
def test_variances_are_those_that_the_next_nonlinearity_asks_for(activation, gain):
    ailing = training(wide(activation))
    (_, normal), (_, orthogonal) = proposed("initialisation", ailing, "symmetric_init")
    weight = normal.model[2].weight
    assert float(weight.detach().std()) == pytest.approx(gain / 16, rel=0.02)
    product = orthogonal.model[2].weight @ orthogonal.model[2].weight.T
    assert torch.allclose(product, gain**2 * torch.eye(256), atol=1e-4)
    assert float(normal.model[2].bias.detach().abs().max()) == 0.0


def test_the_last_layer_has_no_nonlinearity_to_make_up_for():
    gains = gains_of(case_of(training(wide(nn.ReLU))))
    assert gains == {"0": pytest.approx(math.sqrt(2)), "2": pytest.approx(math.sqrt(2)), "4": 1.0}


def test_what_the_optimizer_remembers_of_the_old_weights_is_forgotten():
    model = wide(nn.ReLU, 8)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    x, y = points()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    ((_, course), _) = proposed("initialisation", training(model, optimizer=optimizer))
    assert not course.optimizer.state
    assert optimizer.state
