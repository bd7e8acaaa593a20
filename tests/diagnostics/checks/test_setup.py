from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

from diagnostics.checks.setup import changed, optimizers_of, pair_of, rows_of, tensors_in
from probes.folder import FathomError
from probes.program.objective import Whole
from tests.diagnostics.checks.parts import labels, mlp, rows, setup


class Uncopied(nn.Module):
    def __init__(self):
        super().__init__()
        self.lock, self.layers = threading.Lock(), mlp(16, 8, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.layers(x))


def test_a_scene_is_a_copy():
    asked = setup()
    with asked.scene() as scene:
        assert scene.own
        assert scene.model is not asked.model
        with torch.no_grad():
            scene.model[0].weight.zero_()
    assert asked.model[0].weight.abs().sum() > 0


def test_of_what_cannot_be_copied_it_is_the_users_own_put_back():
    asked = setup(Uncopied())
    before = {name: tensor.clone() for name, tensor in asked.model.state_dict().items()}
    with asked.scene() as scene:
        assert not scene.own
        scene.train().run()
        with torch.no_grad():
            scene.model.layers[0].weight.zero_()
    assert all(torch.equal(t, before[n]) for n, t in asked.model.state_dict().items())


def test_a_run_draws_the_same_again_and_leaves_the_batch():
    model = nn.Sequential(nn.Dropout(0.5), nn.ReLU(inplace=True), nn.Linear(16, 4))
    asked = setup(model, batch=(x := rows(), labels()))
    before = x.clone()
    with asked.scene() as scene:
        assert torch.equal(scene.run()[0], scene.run()[0])
        assert not torch.equal(scene.run()[0], scene.run(seed=1)[0])
    assert torch.equal(x, before)


def test_pairs():
    assert pair_of(nn.MSELoss(), (1, 2)) == (1, 2)
    assert pair_of(None, {"a": 1}) == ({"a": 1}, None)
    assert pair_of(Whole(lambda m, b: 0), [1, 2, 3]) == ([1, 2, 3], None)
    with pytest.raises(FathomError, match=r"batch is a dict, .* needs the pair"):
        pair_of(nn.MSELoss(), {"a": 1})


def test_nests_of_tensors():
    nest = {"a": torch.zeros(3, 2), "b": (torch.ones(3), "word")}
    assert [*tensors_in(nest)] == ["inputs.a", "inputs.b.0"]
    assert rows_of(nest) == 3
    assert changed(nest, lambda t: t + 1)["b"][1] == "word"
    assert float(changed(nest, lambda t: t + 1)["a"].sum()) == 6.0


def test_optimizers():
    model = mlp(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert optimizers_of(None) == ()
    assert optimizers_of(optimizer) == (optimizer,)
    assert optimizers_of([optimizer, optimizer]) == (optimizer, optimizer)
    with pytest.raises(FathomError, match="optimizer is a float; pass"):
        optimizers_of(0.1)


def test_time_runs_out():
    assert setup(seconds=1e-9).left == 0
    assert 0 < setup(seconds=100.0).left <= 100
