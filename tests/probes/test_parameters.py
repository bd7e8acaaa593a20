from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from probes.forward_order import ForwardOrder
from probes.layers import ROOT, Layers
from probes.parameters import describe, selected, shares, unwrapped
from tests.trainings import Transformer, cnn, mlp


def described(model, x=None):
    """All parameters as the recording tells of them, after a forward pass if there is an x."""
    order = ForwardOrder({module: name for name, module in model.named_modules()})
    if x is not None:
        model(x)
    order.close()
    layers = Layers(model, None)
    return {name: describe(name, model, layers, order) for name in selected(model, None)}


def roles(model, x=None):
    return {name: info.role for name, info in described(model, x).items()}


def test_a_parameter_is_described_by_its_module():
    model = nn.ModuleDict({"head": nn.Linear(5, 3, dtype=torch.bfloat16)})
    model["head"].weight.requires_grad_(False)
    found = described(model)["head.weight"]
    assert (found.name, found.module, found.module_type) == ("head.weight", "head", "Linear")
    assert (found.shape, found.dtype, found.trainable) == ("3x5", "bfloat16", False)
    assert found.size == 15


def test_a_part_of_the_optimizers_state_is_described_as_its_parameter():
    model = nn.ModuleDict({"head": nn.Linear(5, 3, dtype=torch.bfloat16)})
    order = ForwardOrder({})
    bare, found = (
        describe(name, model, Layers(model, None), order)
        for name in ("head.weight", "head.weight:exp_avg")
    )
    assert (bare.role, found.role) == ("matrix", "state")
    assert found == replace(bare, name="head.weight:exp_avg", role="state")


def test_an_output_is_described_by_the_layer_that_gave_it():
    model = nn.Sequential(nn.Linear(5, 3), nn.LSTM(3, 4))
    order, layers = ForwardOrder({m: n for n, m in model.named_modules()}), Layers(model, None)
    model(torch.ones(2, 5))
    order.close()
    layers.note("1", model[1], [("1[0]", torch.ones(2, 4, dtype=torch.float16))])
    found = describe("1[0]", model, layers, order)
    assert (found.name, found.module, found.module_type) == ("1[0]", "1", "LSTM")
    assert (found.role, found.shape, found.dtype) == ("output", "2x4", "float16")
    assert found.depth == describe("1.weight_ih_l0", model, layers, order).depth == 2


def test_the_output_of_a_model_that_is_one_layer():
    model = nn.Linear(5, 3)
    layers = Layers(model, None)
    layers.note("", model, [(ROOT, torch.ones(2, 3))])
    found = describe(ROOT, model, layers, ForwardOrder({}))
    assert (found.name, found.module, found.module_type) == (ROOT, "", "Linear")
    assert (found.role, found.depth) == ("output", 0)


def test_roles_follow_from_shape_and_module():
    assert roles(cnn(), torch.randn(4, 8)) == {
        "1.weight": "matrix", "1.bias": "cancelled", "2.weight": "norm", "2.bias": "norm",
        "5.weight": "matrix", "5.bias": "bias", "8.weight": "matrix", "8.bias": "bias",
    }  # fmt: skip


def test_embeddings_and_norms_have_their_own_role():
    parts = [nn.Embedding(4, 3), nn.EmbeddingBag(4, 3), nn.LayerNorm(3), nn.GroupNorm(1, 3)]
    names = ["embedding", "embedding", "norm", "norm"]
    assert [roles(part)["weight"] for part in parts] == names


def test_a_bare_matrix_is_a_matrix_and_a_bare_vector_is_something_else():
    model = nn.Module()
    model.kernel, model.temperature = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(()))
    assert roles(model) == {"kernel": "matrix", "temperature": "other"}


def test_attentions_output_has_the_place_of_the_attention():
    model = Transformer().train()
    found = described(model, torch.randn(3, 8))
    inside = [info for name, info in found.items() if name.startswith("encoder.layers.0.self_attn")]
    assert {info.name.rpartition("self_attn.")[2] for info in inside} == {
        "in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias",
    }  # fmt: skip
    assert len({info.depth for info in inside}) == 1
    assert inside[0].role == "matrix"
    assert inside[0].depth < found["encoder.layers.0.linear1.weight"].depth


def test_depth_follows_the_forward_pass():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model.forward = lambda x: model[0](model[1](x))
    depths = {name: info.depth for name, info in described(model, torch.ones(1, 2)).items()}
    assert depths["1.weight"] < depths["0.weight"]
    assert depths["0.weight"] == depths["0.bias"]


def test_without_a_forward_pass_depth_follows_the_names():
    depths = [info.depth for info in described(mlp()).values()]
    assert depths == sorted(depths)
    assert len(set(depths)) == 4


def test_a_models_own_parameter_lies_at_its_very_top():
    model = mlp()
    model.register_parameter("scale", nn.Parameter(torch.ones(1)))
    assert described(model, torch.ones(2, 8))["scale"].depth == 0


def test_tied_weights_are_one_parameter():
    model = nn.ModuleDict({"embed": nn.Embedding(9, 4), "head": nn.Linear(4, 9, bias=False)})
    model["head"].weight = model["embed"].weight
    assert roles(model) == {"embed.weight": "embedding"}


def test_layers_select_by_parameter_or_module():
    model = Transformer()
    assert list(selected(model, "head")) == ["head.weight", "head.bias"]
    assert list(selected(model, "head.*")) == ["head.weight", "head.bias"]
    assert list(selected(model, "*.norm?.bias")) == [
        f"encoder.layers.{layer}.norm{norm}.bias" for layer in (0, 1) for norm in (1, 2)
    ]
    assert list(selected(model, "encoder.layers.1.*")) == [
        name for name, _ in model.named_parameters() if name.startswith("encoder.layers.1.")
    ]
    assert selected(model, "HEAD") == selected(model, "decoder.*") == {}


def test_all_layers_are_selected_if_not_said():
    model = mlp()
    assert selected(model, None) == dict(model.named_parameters())


# Importing torch.compile's machinery warns of its own deprecated parts.
compiles = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


@compiles
def test_a_compiled_model_is_unwrapped():
    model = mlp()
    assert unwrapped(torch.compile(model)) is model


@compiles
def test_a_parallel_model_is_unwrapped():
    model = mlp()
    assert unwrapped(nn.DataParallel(model)) is model
    assert unwrapped(nn.DataParallel(torch.compile(nn.DataParallel(model)))) is model


def test_a_model_of_its_own_is_left_as_it_is():
    model = nn.Sequential()
    model.module = nn.Linear(2, 2)
    assert unwrapped(model) is model


def test_each_optimizer_has_its_own_parameters():
    model = nn.ModuleDict({name: nn.Linear(2, 2, bias=False) for name in "abc"})
    first, second = (torch.optim.SGD(model[name].parameters(), 0.1) for name in "ab")
    assert [list(share) for share in shares(model, None, [first, second])] == [
        ["a.weight", "c.weight"],  # nobody's are the first one's
        ["b.weight"],
    ]
    assert [list(share) for share in shares(model, "b", [first, second])] == [[], ["b.weight"]]


def test_what_two_optimizers_hold_is_the_first_ones():
    model = nn.Linear(2, 2, bias=False)
    both = [torch.optim.SGD(model.parameters(), 0.1) for _ in range(2)]
    assert [list(share) for share in shares(model, None, both)] == [["weight"], []]


def test_without_an_optimizer_all_is_one_share():
    model = mlp()
    assert shares(model, None, []) == [dict(model.named_parameters())]
