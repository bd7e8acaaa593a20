"""Dropout in place, which torch.export takes apart, put together again: then it has a share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from probes.program.form import Node
from probes.program.randomness import used


def whole_dropouts(nodes: Sequence[Node]) -> list[Node]:
    """x · (mask / kept) as one operation, by the mask's name; the product is another name of it."""
    made = {node.reference: node for node in nodes}
    uses = Counter(reference for node in nodes for reference in used(node))
    found: list[Node] = []
    for node in nodes:
        mask = _mask(node, made, uses)
        if mask is None:
            found.append(node)
            continue
        op = _op(made[mask.args[0]])
        share = round(1.0 - float(mask.args[1]), 12)
        found = [n for n in found if n.reference not in (mask.reference, node.args[1])]
        found.append(replace(mask, op=op, args=(node.args[0], share, True), kwargs={}))
        found.append(replace(node, op="alias.default", args=(mask.reference,), kwargs={}))
    return found


def _mask(node: Node, made: dict[str, Node], uses: Counter[str]) -> Node | None:
    """What is thrown for this product, if all of it is dropout of the other factor."""
    if node.op != "mul.Tensor":
        return None
    scaled = _from(node.args[1], "div.Scalar", made, uses)
    mask = scaled and _from(scaled.args[0], "bernoulli.p", made, uses)
    if not mask or not scaled or mask.args[1] != scaled.args[1]:
        return None
    like = made.get(mask.args[0])
    fits = like is not None and like.args[0] == node.args[0] and _op(like)
    return mask if fits else None


def _from(value: Any, op: str, made: dict[str, Node], uses: Counter[str]) -> Node | None:
    """The operation that this is the result of, where nothing else takes it."""
    node = made.get(value) if isinstance(value, str) else None
    return node if node is not None and node.op == op and uses[value] == 1 else None


def _op(like: Node) -> str:
    """By the shape of the mask: that of what it falls on, or one number for each channel."""
    if like.op in ("zeros_like.default", "empty_like.default"):
        return "dropout.default"
    if like.op in ("new_zeros.default", "new_empty.default"):
        size = like.args[1]
        channels = len(size) > 2 and all(n == 1 for n in size[2:]) and 1 not in size[:2]
        return "feature_dropout.default" if channels else ""
    return ""
