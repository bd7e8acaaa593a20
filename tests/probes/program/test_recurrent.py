from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.func import grad, jvp, vmap

from probes.program import capture, prepare
from probes.program.recurrent import stepwise
from tests.probes.program.models import ENTROPY, weights_for


class Recurrent(nn.Module):
    def __init__(self, kind, **how):
        super().__init__()
        self.cells = kind(6, 4, 2, **how)
        self.out = nn.Linear(8 if how.get("bidirectional") else 4, 5)

    def forward(self, x):
        return self.out(self.cells(x)[0].mean(1))


KINDS = {
    "lstm": (nn.LSTM, {"batch_first": True}),
    "lstm projected": (nn.LSTM, {"batch_first": True, "proj_size": 4, "bias": False}),
    "lstm both ways": (nn.LSTM, {"batch_first": True, "bidirectional": True}),
    "gru both ways": (nn.GRU, {"batch_first": True, "bidirectional": True}),
    "rnn": (nn.RNN, {"batch_first": True}),
    "rnn relu": (nn.RNN, {"batch_first": True, "nonlinearity": "relu"}),
}


def subject(name):
    torch.manual_seed(0)
    kind, how = KINDS[name]
    if "proj_size" in how:
        how = {**how, "proj_size": 3}
    model = Recurrent(kind, **how)
    if "proj_size" in how:
        model.out = nn.Linear(3, 5)
    recorded = capture(model, ENTROPY, (torch.randn(8, 5, 6), torch.randint(0, 5, (8,))))
    return recorded, weights_for(model, recorded)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch, of itself
@pytest.mark.parametrize("name", KINDS)
def test_step_by_step_gives_torchs_own_numbers_and_all_derivatives(name):
    recorded, weights = subject(name)
    whole = prepare(recorded.program)(weights, recorded.batch)["loss"]
    evaluate = prepare(recorded.program, transformable=True)

    def loss(point):
        return evaluate(point, recorded.batch)["loss"]

    torch.testing.assert_close(loss(weights), whole)
    points = {key: torch.stack([tensor, tensor * 1.1]) for key, tensor in weights.items()}
    torch.testing.assert_close(vmap(loss)(points)[0], whole)
    direction = {key: torch.randn_like(tensor) for key, tensor in weights.items()}
    slope = jvp(loss, (weights,), (direction,))[1]
    gradient = grad(lambda point: prepare(recorded.program)(point, recorded.batch)["loss"])
    expected = sum((g * direction[key]).sum() for key, g in gradient(weights).items())
    torch.testing.assert_close(slope, expected, rtol=1e-4, atol=1e-6)


def test_only_recurrent_layers_have_steps():
    assert stepwise("linear.default") is None
    assert stepwise("lstm.input") is not None
