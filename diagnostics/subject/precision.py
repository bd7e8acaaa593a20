"""A loss program in float64 throughout: what it makes and converts is not rounded in between."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from probes.program.form import Graph, Node, Program

WIDER = {
    **dict.fromkeys(("float16", "bfloat16", "float32"), "float64"),
    "complex64": "complex128",
}
FLOATS = ("zeros", "ones", "eye", "linspace", "rand", "randn")  # unless they are told otherwise


def in_float64(program: Program) -> Program:
    """As of a model that was always in float64: an LSTM's first state, a softmax's own precision.

    Regions of autocast need no change: they leave float64 alone.
    """
    graphs = {
        mode: Graph(tuple(map(_widened, graph.nodes)), graph.outputs)
        for mode, graph in program.graphs.items()
    }
    tensors = {
        reference: replace(spec, dtype=WIDER.get(spec.dtype, spec.dtype))
        for reference, spec in program.tensors.items()
    }
    return replace(program, graphs=graphs, tensors=tensors)


def _widened(node: Node) -> Node:
    args = tuple(map(_wider, node.args))
    kwargs = {name: _wider(value) for name, value in node.kwargs.items()}
    if kwargs.get("dtype") is None and _makes_floats(node):
        kwargs["dtype"] = {"dtype": "float64"}
    return replace(node, args=args, kwargs=kwargs)


def _wider(value: Any) -> Any:
    if isinstance(value, dict) and value.get("dtype") in WIDER:
        return {"dtype": WIDER[value["dtype"]]}
    return value


def _makes_floats(node: Node) -> bool:
    name = node.op.partition(".")[0]
    return name in FLOATS or (name == "full" and isinstance(node.args[1], float))
