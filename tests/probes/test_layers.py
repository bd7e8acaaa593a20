from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from probes.layers import Layers
from tests.trainings import Transformer, cnn


def selected(model, selection=None):
    return [name for name, _ in Layers(model, selection).selected()]


def test_layers_are_the_modules_that_compute_by_themselves():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 2)))
    assert selected(model) == ["0", "1.0", "1.1"]


def test_a_container_that_is_empty_is_no_layer():
    model = nn.ModuleDict({"none": nn.ModuleList(), "nothing": nn.ModuleDict(), "one": nn.ReLU()})
    assert selected(model) == ["one"]


def test_attention_is_a_layer_though_it_has_children():
    assert "encoder.layers.0.self_attn" in selected(Transformer())


def test_a_parametrised_layer_is_a_layer_and_its_parametrisation_is_none():
    assert selected(nn.Sequential(weight_norm(nn.Linear(2, 2)), nn.ReLU())) == ["0", "1"]


def test_a_glob_selects_by_name():
    assert selected(cnn(), "[12]") == ["1", "2"]
    assert selected(Transformer(), "encoder.layers.1.lin*") == [
        "encoder.layers.1.linear1", "encoder.layers.1.linear2",
    ]  # fmt: skip
    layers = Layers(model := cnn(), "1")
    assert layers.name_of(model[2]) == "2"  # it has a name, and is not looked at
    assert (layers.computes(model[1]), layers.computes(model[2])) == (True, False)


def test_modules_go_by_their_first_name():
    shared = nn.Linear(2, 2)
    model = nn.ModuleDict({"a": shared, "b": nn.ModuleDict({"c": shared})})
    layers = Layers(model, None)
    assert layers.name_of(shared) == "a"
    assert layers.name_of(model) == ""
    assert layers.module_of("b.c") is shared


def test_strangers_are_not_searched_for_again_and_late_modules_are_found(monkeypatch):
    model, stranger = nn.Sequential(nn.Linear(2, 2)), nn.ReLU()
    layers, searches = Layers(model, None), []
    learn = layers._learn
    monkeypatch.setattr(layers, "_learn", lambda: (searches.append(1), learn()))
    assert [layers.name_of(stranger) for _ in range(3)] == [None] * 3
    assert [layers.name_of(nn.MSELoss()) for _ in range(3)] == [None] * 3
    assert len(searches) == 1
    model.append(late := nn.Tanh())
    assert layers.name_of(late) == "1"
    assert layers.computes(late)


def test_a_stranger_that_joins_the_model_has_a_name_once_the_model_is_searched():
    model, stranger = nn.Sequential(nn.Linear(2, 2)), nn.ReLU()
    layers = Layers(model, None)
    assert layers.name_of(stranger) is None
    model.append(stranger)
    model.append(nn.Tanh())
    assert layers.name_of(model[2]) == "2"
    assert layers.name_of(stranger) == "1"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_a_layer_gave_is_noted_the_first_time(dtype):
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    layers = Layers(model, None)
    layers.note("0", model[0], [("0", torch.ones(3, 2, dtype=dtype))])
    layers.note("0", model[0], [("0", torch.ones(1, 2)), ("0[1]", torch.ones(()))])
    kind = str(dtype).removeprefix("torch.")
    assert layers.given == {
        "0": ("0", model[0], "3x2", kind),
        "0[1]": ("0", model[0], "", "float32"),
    }
    assert layers.silent() == ["1"]
