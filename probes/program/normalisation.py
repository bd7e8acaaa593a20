"""What batch normalisation takes mean and variance from: a choice that changes every picture.

running    the statistics among the weights, as evaluation does
batch      those of the batch at these weights, as training does; the running ones are not
           used, and layers that training too holds still ("frozen") keep them

Statistics re-estimated at other weights: the output set `statistics` gives what each layer's input
has over a batch, by the names of the layer's running buffers, so that a caller may average it over
batches and give it back among the weights.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from probes.program.form import Node, TensorSpec

Norm = Literal["running", "batch"]
_BATCH = "batch_norm.default"
_LAYERS = (_BATCH, "instance_norm.default")
_MEAN, _VAR, _BY_BATCH = 3, 4, 5  # their places among the arguments of both


def in_training(nodes: Iterable[Node]) -> frozenset[str]:
    """The running means of the layers that use their batch."""
    return frozenset(
        str(node.args[_MEAN]) for node in nodes if node.op in _LAYERS and node.args[_BY_BATCH]
    )


def with_norm(nodes: Sequence[Node], live: frozenset[str]) -> tuple[Node, ...]:
    """The layers whose running mean is among these use their batch; all others what is stored."""
    return tuple(_by_batch(node) if _uses_batch(node, live) else node for node in nodes)


def _uses_batch(node: Node, live: frozenset[str]) -> bool:
    return node.op in _LAYERS and (node.args[_BY_BATCH] is True or str(node.args[_MEAN]) in live)


def _by_batch(node: Node) -> Node:
    """Without running statistics, which the operation would otherwise write to."""
    args: list[Any] = list(node.args)
    args[_MEAN], args[_VAR], args[_BY_BATCH] = None, None, True
    return replace(node, args=tuple(args))


def uses_statistics(nodes: Iterable[Node]) -> bool:
    """Does the choice matter?"""
    return any(node.op in _LAYERS and node.args[_MEAN] is not None for node in nodes)


def statistics(
    nodes: Sequence[Node], live: frozenset[str], tensors: dict[str, TensorSpec]
) -> tuple[tuple[Node, ...], dict[str, str]]:
    """Further nodes, and under which reference of a buffer ("buffer:1.running_mean") each goes.

    The mean and the biased variance, of every batch normalisation that training adapts; a layer
    that is called several times has those of all its inputs together.
    """
    inputs: dict[tuple[str, str], list[str]] = defaultdict(list)
    for node in nodes:
        mean, var = (str(node.args[at]) for at in (_MEAN, _VAR)) if node.op == _BATCH else ("", "")
        if mean in live and mean in tensors and var in tensors:
            inputs[mean, var].append(node.args[0])
    added: list[Node] = []
    outputs: dict[str, str] = {}
    for (mean, var), given in inputs.items():
        rows = _rows(added, given, tensors[mean].dtype)
        outputs[mean] = _add(added, "mean.dim", rows, [1])
        outputs[var] = _add(added, "var.correction", rows, [1], correction=0)
    return tuple(added), outputs


def _rows(added: list[Node], given: list[str], dtype: str) -> str:
    """All inputs of a layer as [channel, value]."""
    flat = []
    for reference in given:
        wide = _add(added, "to.dtype", reference, {"dtype": dtype})
        by_channel = _add(added, "transpose.int", wide, 0, 1)
        flat.append(_add(added, "flatten.using_ints", by_channel, 1, -1))
    return _add(added, "cat.default", flat, 1) if len(flat) > 1 else flat[0]


def _add(added: list[Node], op: str, *args: Any, **kwargs: Any) -> str:
    node = Node(f"statistics.{len(added)}", op, args, kwargs)
    added.append(node)
    return node.reference
