"""Each example's own loss, as further outputs of a graph: the loss once more, not yet reduced.

    examples   the loss of each example alone: [batch]
    counts     what each weighs in the batch's loss: loss = Σ examples · counts / Σ counts

Only where the loss is a mean or sum of terms that belong to one example each; that this is so is
tried out when the program is recorded. Elsewhere an example is evaluated as a batch of one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from probes.program.form import Graph, Node, TensorSpec
from probes.program.literals import is_reference
from probes.program.operations import overload

_PASSING = ("_to_copy", "to", "alias", "clone", "view", "reshape", "squeeze")  # the same number
_NONE, _MEAN, _SUM = 0, 1, 2  # how torch counts reductions
_IGNORING = ("cross_entropy_loss.default", "nll_loss_nd.default", "nll_loss.default")


def with_examples(graph: Graph, tensors: dict[str, TensorSpec]) -> Graph:
    """The graph with the outputs `examples` and `counts`, where they can be had."""
    batched = [spec for spec in tensors.values() if spec.batched]
    last = _reducing(graph)
    if last is None or not batched:
        return graph
    draft = _Draft(graph.nodes, last.autocast)
    size = draft.add("sym_size.int", batched[0].reference, 0)
    terms = _unreduced(draft, last)
    if terms is None:
        return graph
    means, counts = _per_example(draft, last, terms, size)
    outputs = graph.outputs | {"examples": means, "counts": counts}
    return Graph(tuple(draft.nodes), outputs)


def _reducing(graph: Graph) -> Node | None:
    """The operation that makes many terms one loss."""
    nodes = {node.reference: node for node in graph.nodes}
    node = nodes.get(graph.outputs["loss"])
    while node is not None and node.op.partition(".")[0] in _PASSING:
        node = nodes.get(node.args[0])
    return node


class _Draft:
    """Nodes that are added to a graph."""

    def __init__(self, nodes: tuple[Node, ...], region: str | None) -> None:
        self.nodes, self._region = list(nodes), region

    def add(self, op: str, *args: Any) -> str:
        node = Node(f"examples_{len(self.nodes)}", op, args, {}, self._region)
        self.nodes.append(node)
        return node.reference


def _unreduced(draft: _Draft, last: Node) -> str | None:
    if last.op in ("mean.default", "sum.default"):
        return str(last.args[0])
    at = _place(last, "reduction")
    if at is None or _reduction(last) not in (_MEAN, _SUM):
        return None
    args = list(last.args) + [None] * (at + 1 - len(last.args))
    args = [_default(last, n) if n >= len(last.args) else a for n, a in enumerate(args)]
    args[at] = _NONE
    return draft.add(last.op, *args)


def _per_example(draft: _Draft, last: Node, terms: str, size: str) -> tuple[str, str]:
    rows = draft.add("reshape.default", terms, [size, -1])  # [batch, term]
    total = draft.add("sum.dim_IntList", rows, [1])
    if _reduction(last) == _SUM:
        return total, draft.add("ones_like.default", total)
    if _ignores(last):
        each = draft.add("reshape.default", _weighing(draft, last), [size, -1])
        counts = draft.add("sum.dim_IntList", each, [1])
    else:
        counts = draft.add("sum.dim_IntList", draft.add("ones_like.default", rows), [1])
    return draft.add("div.Tensor", total, counts), counts


def _weighing(draft: _Draft, last: Node) -> str:
    """What each target counts for: its class's weight, or one; nothing where it is ignored."""
    target, weights = last.args[1], _class_weights(last)
    kept = draft.add("ne.Scalar", target, _ignored(last))
    if weights is None:
        return kept
    classes = draft.add("mul.Tensor", target, kept)  # some class at least, where there is none
    return draft.add("mul.Tensor", draft.add("index.Tensor", weights, [classes]), kept)


def _reduction(node: Node) -> int:
    if node.op in ("mean.default", "sum.default"):
        return _MEAN if node.op == "mean.default" else _SUM
    at = _place(node, "reduction")
    found = node.args[at] if at is not None and at < len(node.args) else _MEAN
    return found if type(found) is int else _NONE


def _place(node: Node, name: str) -> int | None:
    if node.op.startswith("size.") or node.op == "getitem":
        return None
    names = [argument.name for argument in overload(node.op)._schema.arguments]
    return names.index(name) if name in names else None


def _default(node: Node, at: int) -> Any:
    return overload(node.op)._schema.arguments[at].default_value


def _class_weights(node: Node) -> Any:
    at = _place(node, "weight")
    return node.args[at] if at is not None and at < len(node.args) else None


def _ignores(node: Node) -> bool:
    return node.op in _IGNORING and is_reference(node.args[1])


def _ignored(node: Node) -> int:
    at = _place(node, "ignore_index")
    assert at is not None
    return int(node.args[at]) if at < len(node.args) else -100


def without_examples(graph: Graph) -> Graph:
    """They turned out not to be what they are to be."""
    outputs = {k: v for k, v in graph.outputs.items() if k not in ("examples", "counts")}
    nodes = tuple(node for node in graph.nodes if not node.name.startswith("examples_"))
    return replace(graph, nodes=nodes, outputs=outputs)
