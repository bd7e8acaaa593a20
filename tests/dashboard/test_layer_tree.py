"""An ARIA tree of all modules; what is wrong stands at the module, and at those it is inside of."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.layer_tree import MOST_OPEN, layer_signs, layer_tree
from dashboard.markup import Element, to_html
from diagnostics.doctor import Examination
from diagnostics.module_tree import Module, ModuleTree
from tests.dashboard.samples import HOSTILE, make_finding


def module(path: str, parent: int, kind: str = "Linear", **changes: object) -> Module:
    made = {"shapes": ("weight 4x8", "bias 4"), "size": 36, "frozen": 0, "like": ""}
    if not kind:
        made["shapes"] = ()
    return Module(path, parent, kind, **(made | changes))  # type: ignore[arg-type]


TREE = ModuleTree(
    "sample",
    (
        module("blocks", -1, ""),
        module("blocks.0", 0, ""),
        module("blocks.0.q", 1),
        module("blocks.0.act", 1, "ReLU", shapes=(), size=0),
        module("blocks.1", 0, "", like="blocks.0"),
        module("blocks.1.q", 4),
        module("blocks.1.act", 4, "ReLU", shapes=(), size=0),
        module("head", -1, size=36, frozen=36),
    ),
)


def items(node: Element | str) -> list[Element]:
    if isinstance(node, str):
        return []
    here = [node] if node.attributes.get("role") == "treeitem" else []
    return here + [found for child in node.inside for found in items(child)]


def words(item: Element) -> str:
    row = item.inside[0]
    assert isinstance(row, Element)
    parts = [part for each in row.inside if isinstance(each, Element) for part in each.inside]
    return " ".join(part for part in parts if isinstance(part, str))


def test_every_module_is_an_item_at_its_level() -> None:
    found = {each.attributes["data-layer"]: each for each in items(layer_tree(TREE))}
    assert list(found) == [each.path for each in TREE.modules]
    assert [each.attributes["aria-level"] for each in found.values()] == [*"12332331"]
    assert found["blocks"].attributes["aria-expanded"] == "true"
    assert "aria-expanded" not in found["head"].attributes
    assert found["blocks.0"].attributes["data-only"] == "contains"
    assert "data-only" not in found["head"].attributes


def test_each_says_what_it_is_and_what_is_built_alike() -> None:
    told = {each.attributes["data-layer"]: words(each) for each in items(layer_tree(TREE))}
    assert told["blocks"] == "blocks 2 alike"
    assert told["blocks.0"] == "0 2 inside"
    assert told["blocks.1"] == "1 like 0"
    assert told["blocks.0.q"] == "q Linear 4\N{MULTIPLICATION SIGN}8"
    assert told["blocks.0.act"] == "act ReLU"


def test_a_long_tree_is_closed_at_first() -> None:
    many = [module(f"b.{n}", 0, like="b.0" if n else "") for n in range(MOST_OPEN)]
    top, *_ = items(layer_tree(ModuleTree("sample", (module("b", -1, ""), *many))))
    assert top.attributes["aria-expanded"] == "false"
    assert words(top) == f"b {MOST_OPEN} \N{MULTIPLICATION SIGN} Linear"


def examined(*findings: object, hints: tuple[object, ...] = ()) -> Examination:
    return Examination("sample", findings, (), (), hints)  # type: ignore[arg-type]


def test_the_worst_verdict_stands_at_the_module_and_above_it() -> None:
    told = examined(
        make_finding(layers=("blocks.1.q.weight",), severity="warning", disease="lr_too_low"),
        make_finding(layers=("blocks.1.q", "not there"), severity="error"),
        hints=(make_finding(layers=("blocks.0.act",), severity="hint", disease="dead_relu"),),
    )
    signs = layer_signs(TREE, told, {})
    kinds = {name: found[0].kind for name, found in signs.items() if name != "head"}
    assert kinds == {
        "blocks": "sign error",
        "blocks.0": "sign hint",
        "blocks.0.act": "sign hint",
        "blocks.1": "sign error",
        "blocks.1.q": "sign error",
    }
    assert signs["blocks.1.q"][0].attributes["title"] == "Vanishing gradient"


def test_frozen_and_dead_are_said_in_words() -> None:
    signs = layer_signs(TREE, None, {"blocks.0.act": 0.43, "blocks.1.act": 0.001})
    assert {name: [to_html(each) for each in found] for name, found in signs.items()} == {
        "blocks.0.act": ['<span class="sign dead" title="43% dead units">dead 43%</span>'],
        "head": [
            '<span class="sign frozen" title="36 of 36 parameters are not trained">frozen</span>'
        ],
    }


@pytest.mark.parametrize("frozen", [1, 35])
def test_some_frozen_is_not_all(frozen: int) -> None:
    tree = ModuleTree("sample", (module("a", -1, frozen=frozen),))
    assert layer_signs(tree, None, {})["a"][0].inside == ("part frozen",)


def test_names_are_text_and_two_thousand_are_little() -> None:
    hostile = ModuleTree("sample", (module(HOSTILE, -1, HOSTILE, shapes=(HOSTILE,)),))
    written = to_html(layer_tree(hostile))
    assert "<img" not in written
    assert "<b" not in written
    many = tuple(module(f"blocks.{n}", -1) for n in np.arange(2000).tolist())
    assert len(to_html(layer_tree(ModuleTree("sample", many)))) < 1_000_000
