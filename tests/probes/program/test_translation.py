from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from probes.program import capture, prepare
from probes.program.as_json import from_json, to_json
from probes.program.randomness import is_random
from tests.probes.program.models import ENTROPY, made, mlp, program_of, vectors, weights_for


def specs(recorded):
    return {spec.reference: spec for spec in recorded.program.tensors.values()}


def test_weights_go_by_the_names_that_snapshots_have():
    model, recorded = program_of("resnet")
    names = {spec.name for spec in recorded.program.of_kind("parameter")}
    assert names == dict(model.named_parameters()).keys()
    found = specs(recorded)
    assert found["buffer:1.running_mean"].shape == (8,)
    assert found["parameter:0.weight"].trainable
    assert not found["buffer:1.running_mean"].trainable


def test_tied_weights_are_one_tensor_so_that_their_gradients_add_up():
    model, loss, batch = made("gpt")
    _, recorded = program_of("gpt")
    assert "parameter:head.weight" not in specs(recorded)
    weights = weights_for(model, recorded)
    weights["embed.weight"].requires_grad_()
    ours = torch.autograd.grad(
        prepare(recorded.program)(weights, recorded.batch)["loss"], weights["embed.weight"]
    )[0]
    live = torch.autograd.grad(loss(model.eval()(batch[0]), batch[1]), model.embed.weight)[0]
    torch.testing.assert_close(ours, live)


def test_frozen_parameters_are_told():
    model = mlp()
    model[0].weight.requires_grad_(False)
    found = specs(capture(model, ENTROPY, vectors()))
    assert not found["parameter:0.weight"].trainable
    assert found["parameter:2.weight"].trainable


def test_a_losss_own_tensors_are_constants_that_no_weight_is_taken_for():
    class Net(nn.Module):
        """With a weight of the very name that the loss's goes by."""

        def __init__(self):
            super().__init__()
            self.loss = nn.Linear(6, 5)

        def forward(self, x):
            return self.loss(x)

    torch.manual_seed(0)
    model, loss, (x, y) = Net(), nn.CrossEntropyLoss(weight=torch.rand(5)), vectors()
    recorded = capture(model, loss, (x, y))
    assert [*recorded.constants] == ["loss.weight_"]
    found = prepare(recorded.program)(weights_for(model, recorded), recorded.batch)["loss"]
    assert torch.equal(found, loss(model(x), y))


def test_constants_of_both_graphs_are_told_apart():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.own = nn.Linear(6, 5)

        def forward(self, x):
            scale = torch.tensor([2.0]) if self.training else torch.tensor([3.0])
            return self.own(x) * scale

    model, (x, y) = Two(), vectors()
    recorded = capture(model, ENTROPY, (x, y))
    assert sorted(tensor.item() for tensor in recorded.constants.values()) == [2, 3]
    weights = weights_for(model, recorded)
    for mode, train in (("eval", False), ("train", True)):
        found = prepare(recorded.program, mode=mode)(weights, recorded.batch)["loss"]
        assert torch.equal(found, ENTROPY(model.train(train)(x), y))


def test_what_the_outputs_do_not_need_is_left_out():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.own, self.idle = nn.Linear(6, 5), nn.Linear(6, 3)

        def forward(self, x):
            self.idle(x).exp().sum()
            return self.own(x)

    recorded = capture(Idle(), ENTROPY, vectors())
    assert not any("idle" in reference for reference in specs(recorded))
    assert "exp.default" not in {node.op for node in recorded.program.graphs["eval"].nodes}


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.drop = nn.Linear(6, 6), nn.Dropout(0.1)

    def forward(self, x):
        x = functional.dropout(self.drop(self.first(x)), 0.2, self.training)
        kept = x.new_empty((x.shape[0], 1)).bernoulli_(0.9) if self.training else 1.0
        return self.drop(x * kept)


class Outside(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks, self.head = nn.Sequential(Block(), Block()), nn.Linear(6, 5)
        self.unlucky = nn.ModuleDict({"linear": nn.Dropout(0.3)})

    def forward(self, x):
        x = functional.dropout(self.blocks(x), 0.4, self.training)
        return self.head(self.unlucky["linear"](x))


def test_what_draws_is_named_by_its_module():
    recorded = capture(Outside(), ENTROPY, vectors())
    found = recorded.program.graphs["train"].nodes
    names = [node.name for node in found if is_random(node)]
    first = ["blocks.0.drop", "blocks.0", "blocks.0#2", "blocks.0.drop#2"]
    second = [name.replace("0", "1") for name in first]
    assert names == [*first, *second, "dropout", "unlucky.linear"]
    assert len({node.name for node in found}) == len(found)
    evaluated = {node.name for node in recorded.program.graphs["eval"].nodes}
    assert {"blocks.0.drop", "blocks.1.drop#2"} <= evaluated  # off, and the same by name


def test_such_names_are_written_and_read():
    program = capture(Outside(), ENTROPY, vectors()).program
    assert from_json(to_json(program)) == program
