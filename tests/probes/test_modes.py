from __future__ import annotations

import copy
import json

import pytest
import torch
from torch import nn

from probes.modes import Modes
from probes.probe import StepProbe
from tests.probes.doubles import FakeMoment


class Watch:
    """A model and what a reader of its events knows: the patches merged as RFC 7386 has it."""

    def __init__(self, model: nn.Module, *optimizers: torch.optim.Optimizer) -> None:
        self.model, self.probe, self.known = model, Modes(), {}
        self.optimizers = optimizers

    def step(self):
        """The patch of one step, or None."""
        moment = FakeMoment(model=self.model, optimizers=self.optimizers)
        self.probe.step(moment)
        if not moment.events:
            return None
        ((kind, text),) = moment.events
        assert kind == "modes"
        assert " " not in text
        self.known = merged(self.known, json.loads(text))
        return json.loads(text)

    def of(self, kind, name):
        """What the nearest listed name says."""
        table = self.known[kind]
        while name not in table:
            name = name.rpartition(".")[0]
        return table[name]

    def check(self):
        """The reader knows every flag."""
        for name, module in self.model.named_modules():
            assert self.of("training", name) is module.training
        for name, parameter in self.model.named_parameters():
            assert self.of("requires_grad", name) is parameter.requires_grad
            if self.optimizers:
                assert self.of("held", name) is any(
                    parameter is other
                    for optimizer in self.optimizers
                    for group in optimizer.param_groups
                    for other in group["params"]
                )


def merged(target, patch):
    if not isinstance(patch, dict):
        return patch
    target = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merged(target.get(name), value)
    return target


def net() -> nn.Sequential:
    block = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.3))
    return nn.Sequential(nn.Linear(4, 4), block, nn.LayerNorm(4, eps=1e-3), nn.Linear(4, 2))


@pytest.fixture
def watch():
    found = Watch(net())
    assert isinstance(found.probe, StepProbe)
    found.step()
    return found


def test_the_first_step_tells_all(watch):
    assert watch.known["training"] == {"": True}
    assert watch.known["requires_grad"] == {"": True}
    assert watch.known["settings"] == {
        "1.1": {
            "type": "BatchNorm1d", "momentum": 0.1, "eps": 1e-5, "affine": True,
            "track_running_stats": True, "statistics": "moving",
        },
        "1.2": {"type": "Dropout", "p": 0.3},
        "2": {"type": "LayerNorm", "eps": 1e-3, "elementwise_affine": True},
    }  # fmt: skip
    switches = watch.known["switches"]
    assert switches["cudnn.benchmark"] is torch.backends.cudnn.benchmark
    assert switches["float32_matmul_precision"] == torch.get_float32_matmul_precision()
    assert switches["default_dtype"] == "torch.float32"
    watch.check()


def test_without_a_change_nothing_is_told(watch):
    assert watch.step() is None
    watch.model(torch.ones(3, 4)).sum().backward()
    assert watch.step() is None


def test_evaluation_mode_is_one_word_and_back(watch):
    watch.model.eval()
    assert watch.step() == {
        "training": {"": False},
        "settings": {"1.1": {"statistics": "frozen"}},
    }
    watch.check()
    watch.model.train()
    assert watch.step()["training"] == {"": True}
    watch.check()


def test_a_frozen_normalisation_is_told(watch):
    watch.model[1][1].eval()
    assert watch.step() == {
        "training": {"1.1": False},
        "settings": {"1.1": {"statistics": "frozen"}},
    }
    watch.model[1][1].train()
    assert watch.step()["training"] == {"1.1": None}
    watch.check()


def test_dropout_set_to_nothing(watch):
    watch.model[1][2].p = 0.0
    assert watch.step() == {"settings": {"1.2": {"p": 0.0}}}


def test_a_layer_frozen_and_unfrozen(watch):
    watch.model[3].requires_grad_(False)
    assert watch.step() == {"requires_grad": {"3": False}}
    watch.model[3].bias.requires_grad_(True)
    assert watch.step() == {"requires_grad": {"3": None, "3.weight": False}}
    watch.check()
    watch.model.requires_grad_(False)
    watch.step()
    assert watch.known["requires_grad"] == {"": False}


def test_all_ways_of_setting_flags_reach_the_reader(watch):
    generator = torch.Generator().manual_seed(0)
    parts = [*watch.model.modules(), *watch.model.parameters()]
    for choice in torch.randint(0, 2, (60, len(parts)), generator=generator).bool().tolist():
        for part, flag in zip(parts, choice, strict=True):
            if isinstance(part, nn.Module):
                part.training = flag
            else:
                part.requires_grad_(flag)
        watch.step()
        watch.check()


def test_a_module_replaced_added_or_taken_away(watch):
    watch.model[2] = nn.Dropout(0.7)
    assert watch.step()["settings"] == {
        "2": {"type": "Dropout", "p": 0.7, "eps": None, "elementwise_affine": None}
    }
    watch.model[2].p = 0.1
    assert watch.step() == {"settings": {"2": {"p": 0.1}}}
    watch.model.append(nn.Linear(2, 2).requires_grad_(False))
    assert watch.step() == {"requires_grad": {"4": False}}
    del watch.model[2]
    assert watch.step()["settings"] == {"2": None}
    watch.check()


def test_a_parameter_replaced_by_a_frozen_one(watch):
    watch.model[0].weight = nn.Parameter(torch.ones(4, 4), requires_grad=False)
    assert watch.step() == {"requires_grad": {"0.weight": False}}


def sgd(parameters):
    return torch.optim.SGD(parameters, 0.1)


def test_what_the_optimizer_holds_is_one_word():
    model = net()
    watch = Watch(model, sgd(model.parameters()))
    watch.step()
    assert watch.known["held"] == {"": True}
    watch.check()
    assert watch.step() is None


def test_a_layer_that_no_optimizer_holds():
    model = nn.ModuleDict({"emb": nn.Embedding(5, 4), "head": nn.Linear(4, 2)})
    watch = Watch(model, sgd([model["head"].weight]))
    watch.step()
    assert watch.known["held"] == {"": True, "emb": False, "head.bias": False}
    watch.check()


def test_an_optimizer_of_an_equal_model_holds_nothing():
    model = net()
    watch = Watch(model, sgd(copy.deepcopy(model).parameters()))
    watch.step()
    assert watch.known["held"] == {"": False}


def test_two_optimizers_hold_what_either_holds():
    model = net()
    watch = Watch(model, sgd(model[0].parameters()), sgd(model[3].parameters()))
    watch.step()
    assert watch.known["held"] == {"": True, "1": False, "2": False}
    watch.check()


def test_without_an_optimizer_nothing_is_said_of_it(watch):
    assert "held" not in watch.known


def test_a_group_added_later_and_a_parameter_replaced():
    model = net()
    optimizer = sgd(model[0].parameters())
    watch = Watch(model, optimizer)
    watch.step()
    optimizer.add_param_group({"params": model[3].parameters()})
    assert watch.step() == {"held": {"3": None}}
    model[0].weight = nn.Parameter(model[0].weight.detach().clone())
    assert watch.step() == {"held": {"0.weight": False}}
    optimizer.param_groups[0]["params"][0] = model[0].weight
    assert watch.step() == {"held": {"0.weight": None}}
    watch.check()


def test_every_choice_of_what_is_held_reaches_the_reader():
    model, generator = net(), torch.Generator().manual_seed(0)
    optimizer = sgd(model.parameters())
    watch, (group,) = Watch(model, optimizer), optimizer.param_groups
    every = list(group["params"])
    for choice in torch.randint(0, 2, (40, len(every)), generator=generator).bool().tolist():
        group["params"] = [p for p, chosen in zip(every, choice, strict=True) if chosen]
        watch.step()
        watch.check()


def test_switches_of_torch(watch):
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = not before
    try:
        assert watch.step() == {"switches": {"cudnn.benchmark": not before}}
    finally:
        torch.backends.cudnn.benchmark = before


def test_old_and_new_switches_mixed_are_left_out(watch):
    matmul = torch.backends.cuda.matmul
    if not hasattr(matmul, "fp32_precision"):
        pytest.skip("this torch has only the old ones")
    before = matmul.fp32_precision
    matmul.fp32_precision = "tf32"
    try:
        told = watch.step()["switches"]
    finally:
        matmul.fp32_precision = before
    assert told["cuda.matmul.fp32_precision"] == "tf32"
    assert told["cuda.matmul.allow_tf32"] is None


def test_a_momentum_of_none_is_no_absence():
    watch = Watch(nn.BatchNorm2d(3, momentum=None, track_running_stats=False, affine=False))
    watch.step()
    assert watch.known["settings"][""] == {
        "type": "BatchNorm2d", "momentum": "none", "eps": 1e-5, "affine": False,
        "track_running_stats": False, "statistics": "batch",
    }  # fmt: skip


def test_dropout_inside_other_layers():
    watch = Watch(nn.ModuleList([nn.LSTM(2, 2, 2, dropout=0.4), nn.MultiheadAttention(4, 2, 0.2)]))
    watch.step()
    assert watch.known["settings"]["0"]["dropout"] == 0.4
    assert watch.known["settings"]["1"]["dropout"] == 0.2


def test_what_only_sounds_like_a_setting_is_none():
    model = nn.Linear(2, 2)
    model.p = "text"
    watch = Watch(model)
    watch.step()
    assert watch.known["settings"] == {}


def test_models_of_odd_shapes():
    parent = nn.Module()
    parent.child, parent.nothing = nn.Module(), None
    parent.child.back = parent  # a circle
    parent.twice = parent.child
    watch = Watch(parent)
    watch.step()
    watch.check()
    parent.child.training = False
    assert watch.step() == {"training": {"child": False}}


def test_a_model_without_parameters():
    watch = Watch(nn.ReLU())
    assert watch.step()["requires_grad"] == {}


def test_the_model_is_not_changed(watch):
    before = {name: (id(m), dict(vars(m))) for name, m in watch.model.named_modules()}
    rng = torch.get_rng_state()
    watch.step()
    assert before == {name: (id(m), dict(vars(m))) for name, m in watch.model.named_modules()}
    assert torch.equal(torch.get_rng_state(), rng)
