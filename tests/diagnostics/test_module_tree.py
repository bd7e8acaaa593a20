"""The tree has every module of a real model once, under what contains it; alike ones are known."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from diagnostics.module_tree import ROOT_NAME, ModuleTree, module_tree
from diagnostics.run import Run
from tests.diagnostics.written import layer, tensor, written
from tests.trainings import Transformer, record


@pytest.fixture(scope="module")
def transformer(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, ModuleTree]:
    torch.manual_seed(0)
    model = Transformer()
    for parameter in model.encoder.layers[1].linear1.parameters():
        parameter.requires_grad_(requires_grad=False)
    path = record(tmp_path_factory.mktemp("t") / "run", model, steps=2)
    return model, module_tree(Run(path))


def named(tree: ModuleTree) -> dict[str, int]:
    return {module.path: place for place, module in enumerate(tree.modules)}


def test_every_module_stands_under_what_contains_it(
    transformer: tuple[nn.Module, ModuleTree],
) -> None:
    _, tree = transformer
    places = named(tree)
    for module in tree.modules:
        above = module.path.rpartition(".")[0]
        assert module.parent == places.get(above, -1)
        assert module.path.endswith(module.name)
    assert sum(map(len, tree.inside.values())) == len(tree.modules)


def test_types_shapes_and_sizes_are_those_of_the_model(
    transformer: tuple[nn.Module, ModuleTree],
) -> None:
    model, tree = transformer
    modules = dict(model.named_modules())
    for found in tree.modules:
        real = modules[found.path]
        assert found.size == sum(p.numel() for p in real.parameters())
        assert found.frozen == sum(p.numel() for p in real.parameters() if not p.requires_grad)
        if found.module_type:
            assert found.module_type == type(real).__name__
    shapes = tree.modules[named(tree)["encoder.layers.0.linear1"]].shapes
    assert shapes == ("weight 32x16", "bias 32")


def test_repeated_blocks_are_recognised(transformer: tuple[nn.Module, ModuleTree]) -> None:
    _, tree = transformer
    places = named(tree)
    assert tree.modules[places["encoder.layers.0"]].like == ""
    assert tree.modules[places["encoder.layers.1"]].like == "encoder.layers.0"
    assert tree.modules[places["head"]].like == ""


def test_the_order_is_that_of_the_forward_pass(tmp_path: Path) -> None:
    tensors = [*layer("late.b", "4x4"), *layer("early", "4x4"), *layer("late.a", "4x2")]
    tree = module_tree(written(tmp_path, tensors, {"weights": {"early.weight": {}}}))
    assert [module.path for module in tree.modules] == ["late", "late.b", "late.a", "early"]
    assert tree.layers == ("late.b", "late.a", "early")


def test_the_model_itself_and_strange_names(tmp_path: Path) -> None:
    tensors = [tensor("scale", "other", "3"), *layer("<b>.ü", "2x2")]
    tree = module_tree(written(tmp_path, tensors, {"weights": {"scale": {}}}))
    assert [(m.path, m.name) for m in tree.modules] == [
        ("", ROOT_NAME),
        ("<b>", "<b>"),
        ("<b>.ü", "ü"),
    ]


def test_two_thousand_layers_are_read_at_once(tmp_path: Path) -> None:
    tensors = [part for n in range(2000) for part in layer(f"b.{n}", "4x4")]
    tree = module_tree(written(tmp_path, tensors, {"weights": {"b.0.weight": {}}}))
    assert len(tree.inside[0]) == 2000
    assert tree.modules[0].size == 2000 * 16
    assert {module.like for module in tree.modules[2:]} == {"b.0"}


def test_a_run_without_anything_has_an_empty_tree(tmp_path: Path) -> None:
    assert module_tree(written(tmp_path)).modules == ()
