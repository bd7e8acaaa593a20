from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.close_look import Scene, close_look, replays, scaled_too_far
from probes.keeper import PASSES, Keeper
from tests.probes.plants import LosesGradient, Spoiler, batch, stack


@pytest.fixture
def scene():
    keepers = []

    def made(model, noticed="", skipped=0, *, compiled=False):
        keepers.append(Keeper(model, compiled=compiled))
        return Scene(9, model, keepers[-1], nullcontext, noticed, skipped)

    yield made
    for keeper in keepers:
        keeper.leave()


def looked(scene):
    with scene.keeper.still():
        return close_look(scene, replays(scene))


def spoil(model, *names):
    for name, parameter in model.named_parameters():
        parameter.grad = torch.zeros_like(parameter)
        if name in names:
            parameter.grad.view(-1)[0] = float("nan")


def test_without_a_pass_gradients_tell_between_which_layers(scene):
    model = nn.Sequential(nn.Linear(8, 8), LosesGradient(), nn.Linear(8, 8), nn.Linear(8, 3))
    spoil(model, "0.weight", "0.bias")
    model[2].weight.grad.fill_(2.5)
    report = looked(scene(model, compiled=True))
    assert (report.where, report.module, report.kind) == ("backward", "0", "NaN")
    assert "was finite, up to 2.5, in '2'" in report.summary
    assert "compiled" in report.note


def test_without_a_pass_a_bad_last_layer_leaves_it_open(scene):
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))
    spoil(model, "0.weight", "0.bias", "1.weight", "1.bias")
    report = looked(scene(model, compiled=True))
    assert (report.where, report.module) == ("unknown", "1")


def test_one_tensor_of_a_layer_alone_is_that_layers_own(scene):
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))
    spoil(model, "0.weight")
    report = looked(scene(model, compiled=True))
    assert (report.where, report.module) == ("backward", "0")
    assert "'0.weight' is NaN and that of '0.bias' finite" in report.summary


def test_layers_are_ordered_as_they_run_not_as_they_were_registered(scene):
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(8, 3), nn.Linear(8, 8)

        def forward(self, x):
            return self.last(self.first(x))

    model = Crossed()
    here = scene(model)
    model(batch(1)[0])
    spoil(model, "first.weight", "first.bias")
    report = looked(here)
    assert (report.where, report.module) == ("backward", "first")
    assert "in 'last', which comes after it" in report.summary


def test_all_parameters_are_listed(scene):
    model = nn.Sequential(Spoiler(), nn.Linear(8, 3))
    model[0].armed = True
    here = scene(model)
    x, y = batch(1)
    functional.cross_entropy(model(x), y).backward()
    report = looked(here)
    assert {found["name"] for found in report.gradients} == {"1.weight", "1.bias"}
    assert report.weights == []


def test_it_says_what_it_could_not_look_at(scene):
    model = stack(nn.Tanh())
    parts = scene(model)
    model[0](batch(1)[0])
    assert "only parts of it" in looked(parts).note
    many = scene(model)
    for step in range(PASSES + 2):
        model(batch(step)[0])
    assert f"only {PASSES} of {PASSES + 2} forward passes" in looked(many).note


def test_an_input_that_was_written_over_is_not_played(scene):
    layer = Spoiler()
    model = nn.Sequential(layer)
    here = scene(model)
    x = batch(1)[0]
    model(x)
    x.zero_()
    layer.armed = True
    assert looked(here).where == "unknown"


def test_a_model_that_cannot_be_played_is_said_to(scene):
    class Once(nn.Module):
        ran = False

        def forward(self, x):
            if self.ran:
                raise RuntimeError("only once")
            self.ran = True
            return x

    model = Once()
    here = scene(model, noticed="loss was logged as nan")
    model(batch(1)[0])
    report = looked(here)
    assert report.where == "unknown"
    assert "RuntimeError: only once" in report.note
    assert "loss was logged as nan" in report.summary


def test_what_a_scaler_skips(scene):
    here = scene(stack(nn.Tanh()), skipped=3)
    report = scaled_too_far(here, [])
    assert report.summary.startswith("steps 7 to 9: float16 gradients overflowed")
    assert (report.where, report.skipped) == ("backward", 3)
