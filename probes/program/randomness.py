"""Which operations of a loss program draw random numbers, and what does not follow from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from probes.program.form import Node
from probes.program.literals import references

DROPOUTS = tuple(
    f"{name}.default"
    for name in ("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
)
RECURRENT = ("lstm.input", "gru.input", "rnn_tanh.input", "rnn_relu.input")
ATTENTION = "scaled_dot_product_attention.default"
RRELU = "rrelu.default"
NOISE = (  # by itself: what it stands for only the model knows
    *("bernoulli.default", "bernoulli.p", "rand.default", "rand_like.default"),
    *("randn.default", "randn_like.default"),
)
_LAYERS, _P_OF_LAYERS, _TRAINS_LAYERS = 4, 5, 6  # places among a recurrent operation's arguments
_P_OF_ATTENTION = 4
_NORMS = ("batch_norm.default", "instance_norm.default")
_MEAN, _BY_BATCH = 3, 5
NAN = float("nan")


@dataclass(frozen=True)
class Fired:
    """One random operation, as it was seen."""

    name: str  # the path of its module: "blocks.0.drop"; of old programs, torch's for the operation
    op: str  # "dropout", "scaled_dot_product_attention", "lstm", …
    p: float  # NaN where it has none
    times: int  # draws that it took part in; 0: none
    behind: str = ""  # the parameter before it on the way from the inputs: "3.weight"


def is_random(node: Node) -> bool:
    """Does it draw as it stands? Dropout that is switched off does not."""
    if node.op in NOISE:
        return True
    if node.op == RRELU:
        return len(node.args) > 3 and node.args[3] is True
    if node.op in DROPOUTS and node.args[2] is not True:
        return False
    if node.op in RECURRENT and (node.args[_TRAINS_LAYERS] is not True or node.args[_LAYERS] < 2):
        return False
    return has_p(node) and node.args[_place(node.op)] != 0


def has_p(node: Node) -> bool:
    """Is it dropout, of whatever kind, with a share to drop?"""
    place = _place(node.op)
    return 0 <= place < len(node.args)


def _place(op: str) -> int:
    if op in DROPOUTS:
        return 1
    if op in RECURRENT:
        return _P_OF_LAYERS
    return _P_OF_ATTENTION if op == ATTENTION else -1


def share(node: Node) -> float:
    """What it drops; NaN where that is not said."""
    if node.op == "bernoulli.p":
        return 1.0 - float(node.args[1])  # of a mask: what it keeps
    return float(node.args[_place(node.op)]) if has_p(node) else NAN


def with_share(node: Node, p: float) -> Node:
    """Another share; noise that is no dropout stays as it is."""
    return _changed(node, _place(node.op), p) if has_p(node) else node


def with_shares(nodes: Sequence[Node], p: float) -> list[Node]:
    """Another share for all that drop, a mask included that is made up for: stochastic depth."""
    takers: dict[str, list[Node]] = {}
    for node in nodes:
        for reference in used(node):
            takers.setdefault(reference, []).append(node)
    changed: dict[str, Node] = {}
    for node in nodes:
        if is_random(node):
            changed[node.reference] = with_share(node, p)
        if (scale := _makes_up(node, takers)) is not None:
            mask = _changed(node, 1, 1 - p)
            changed[node.reference] = mask if p else silent(mask)
            changed[scale.reference] = _changed(scale, 1, 1 - p if p < 1 else 1.0)
    return [changed.get(node.reference, node) for node in nodes]


def _makes_up(mask: Node, takers: dict[str, list[Node]]) -> Node | None:
    """What divides by the share that a mask keeps: the mask itself, or its product."""
    found, kept = mask, mask.args[1] if mask.op == "bernoulli.p" else None
    while isinstance(kept, float) and len(after := takers.get(found.reference, [])) == 1:
        if after[0].op.startswith("div.") and after[0].args == (found.reference, kept):
            return after[0]
        if after[0].op != "mul.Tensor":
            return None
        found = after[0]
    return None


def silent(node: Node) -> Node:
    """The same without chance: dropout is off, and noise is its mean."""
    if node.op in DROPOUTS:
        return _changed(node, 2, new=False)
    if node.op in RECURRENT:
        return _changed(node, _P_OF_LAYERS, 0.0)
    if node.op == ATTENTION:
        return _changed(node, _P_OF_ATTENTION, 0.0)
    if node.op == RRELU:
        return _changed(node, 3, new=False)
    return _mean(node)


def calmed(nodes: Iterable[Node], but: Iterable[str] = ()) -> list[Node]:
    """All that draw silent, but these."""
    kept = frozenset(but)
    return [silent(n) if is_random(n) and n.reference not in kept else n for n in nodes]


def _mean(node: Node) -> Node:
    kind, _, variant = node.op.partition(".")
    if kind == "bernoulli":
        if variant == "p":
            return replace(node, op="full_like.default", args=node.args)
        return replace(node, op="alias.default")
    mean = 0.5 if kind.startswith("rand_") or kind == "rand" else 0.0
    op = "full_like.default" if kind.endswith("_like") else "full.default"
    return replace(node, op=op, args=(node.args[0], mean))


def _changed(node: Node, place: int, new: Any) -> Node:
    args: list[Any] = list(node.args)
    args[place] = new
    return replace(node, args=tuple(args))


def by_running_statistics(node: Node) -> Node:
    """A normalisation as evaluation has it: dropout is what is drawn, not the batch."""
    if node.op in _NORMS and node.args[_MEAN] is not None:
        return _changed(node, _BY_BATCH, new=False)
    return node


def split(nodes: Sequence[Node], drawing: Collection[str]) -> tuple[list[Node], list[Node]]:
    """What does not follow from these operations, and what does, themselves included."""
    moved = set(drawing)
    before: list[Node] = []
    after: list[Node] = []
    for node in nodes:
        if node.reference in moved or not moved.isdisjoint(used(node)):
            moved.add(node.reference)
            after.append(node)
        else:
            before.append(node)
    return before, after


def used(node: Node) -> Iterator[str]:
    for value in (*node.args, *node.kwargs.values()):
        yield from references(value)


def weights_alone(nodes: Sequence[Node]) -> frozenset[str]:
    """What follows from parameters, and from no input: examples have no part in its shape."""
    inputs = {r for node in nodes for r in used(node) if r.startswith("input:")}
    weights = {r for node in nodes for r in used(node) if r.startswith("parameter:")}
    of_inputs, of_weights = (
        {node.reference for node in split(nodes, own)[1]} for own in (inputs, weights)
    )
    return frozenset(of_weights - of_inputs)


def behind(nodes: Iterable[Node], reference: str) -> str:
    """The name of the parameter met first on the way back to the inputs."""
    made = {node.reference: node for node in nodes}
    seen: set[str] = set()
    ring = [reference]
    while ring:
        further: list[str] = []
        for found in ring:
            if found.startswith("parameter:"):
                return found.partition(":")[2]
            further += [r for r in used(made[found]) if r not in seen] if found in made else []
            seen.update(further)
        ring = further
    return ""


def same(nodes: Sequence[Node], others: Sequence[Node], ends: tuple[str, str]) -> bool:
    """Are these the same operations in the same order, whatever the names of their results?"""
    if len(nodes) != len(others):
        return False
    names = {o.reference: n.reference for n, o in zip(nodes, others, strict=True)}
    return names.get(ends[1], ends[1]) == ends[0] and all(
        _plain(node, {}) == _plain(other, names) for node, other in zip(nodes, others, strict=True)
    )


def _plain(node: Node, names: dict[str, str]) -> tuple[Any, ...]:
    def said(value: Any) -> Any:
        if type(value) is list:
            return [said(part) for part in value]
        return names.get(value, value) if type(value) is str else value

    kwargs = {key: said(value) for key, value in node.kwargs.items()}
    return node.op, [said(value) for value in _full(node)], kwargs, node.autocast


def _full(node: Node) -> list[Any]:
    """What is off need not say how much it would drop."""
    args = list(node.args)
    if node.op == ATTENTION:
        args += [None, 0.0, False][len(args) - 3 :]
    if node.op in (*DROPOUTS, *RECURRENT) and not is_random(node):
        args[_place(node.op)] = 0.0
        args[2 if node.op in DROPOUTS else _TRAINS_LAYERS] = False
    return args
