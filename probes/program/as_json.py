"""A loss program as JSON, and back: here its form is checked, and by `soundness` its sense."""

from __future__ import annotations

import json
from typing import Any

from probes.folder import NotRecordable, ProgramError
from probes.program.form import KINDS, MODES, OUTPUTS, REDUCTIONS, Graph, Node, Program, TensorSpec

FORMAT, VERSION = "fathom-program", 1
LARGEST = 8 << 20  # bytes of JSON; as Python's objects it takes some twenty times as much
MOST_NODES = 100_000
LONGEST = 1000  # characters of a name or a note


def to_json(program: Program) -> str:
    """One line of JSON; NotRecordable where nobody would read it again."""
    text = json.dumps(_content(program), separators=(",", ":"), allow_nan=False)
    if len(text) > LARGEST:
        raise NotRecordable(
            f"the program is of {len(text)} bytes, and none may be larger than {LARGEST}: its "
            "loops are unrolled; record a model of fewer steps, or analyse live: "
            "Subject(model, loss, batch)"
        )
    return text


def _content(program: Program) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": VERSION,
        "tensors": [
            [spec.kind, spec.name, list(spec.shape), spec.dtype, spec.trainable]
            for spec in program.tensors.values()
        ],
        "graphs": {mode: _graph_to_json(graph) for mode, graph in program.graphs.items()},
        "batch": {
            "size": program.batch,
            "dynamic": program.dynamic,
            "reduction": program.reduction,
        },
        "checked": program.checked,
        "notes": [note[:LONGEST] for note in program.notes],
    }


def _graph_to_json(graph: Graph) -> dict[str, Any]:
    return {"nodes": [_trimmed(node) for node in graph.nodes], "outputs": graph.outputs}


def _trimmed(node: Node) -> list[Any]:
    """Without the parts at its end that say nothing."""
    row = [node.name, node.op, list(node.args), node.kwargs, node.autocast]
    while not row[-1] and len(row) > 3:
        row.pop()
    return row


def from_json(text: str | bytes) -> Program:
    """A program whose form is right; `soundness.check` tells whether it makes sense."""
    if len(text) > LARGEST:
        raise ProgramError(
            f"the program is of {len(text)} bytes, and none is larger than {LARGEST}; "
            "it is damaged or not from Fathom. Record the run again."
        )
    try:
        return _program(json.loads(text, parse_constant=_no_constant))
    except _DAMAGES as error:
        raise ProgramError(
            f"the program cannot be read ({type(error).__name__}: {str(error)[:120]}); it is "
            "damaged or not from Fathom. Copy the run again from where it was recorded."
        ) from error


_DAMAGES = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _program(content: dict[str, Any]) -> Program:
    if content["format"] != FORMAT:
        raise ValueError(f"format {str(content['format'])[:40]!r}, not {FORMAT!r}")
    if content["version"] != VERSION:
        raise ProgramError(
            f"the program is of version {str(content['version'])[:20]}, and this Fathom reads "
            f"version {VERSION}; install a newer torch-fathom."
        )
    specs = [_spec(*row) for row in content["tensors"]]
    tensors = {spec.reference: spec for spec in specs}
    if len(tensors) < len(specs):
        raise ValueError("two tensors of one name")
    graphs = {_one_of(MODES, mode): _graph(found) for mode, found in content["graphs"].items()}
    if "eval" not in graphs:
        raise ValueError("no eval graph")
    batch = content["batch"]
    return Program(
        tensors, graphs, _count(batch["size"]), batch["dynamic"] is True,
        _one_of(REDUCTIONS, batch["reduction"]),
        {_text(k): float(v) for k, v in content["checked"].items()},
        tuple(_text(note) for note in content["notes"]),
    )  # fmt: skip


def _spec(kind: str, name: str, shape: list[int | None], dtype: str, trainable: bool) -> TensorSpec:
    sizes = tuple(None if size is None else _count(size) for size in shape)
    if None in sizes and (kind != "input" or None in sizes[1:]):
        raise ValueError(f"'{name}' has a size that is not said")
    return TensorSpec(_one_of(KINDS, kind), _text(name), sizes, _text(dtype), trainable is True)


def _graph(content: dict[str, Any]) -> Graph:
    if len(content["nodes"]) > MOST_NODES:
        raise ValueError(f"{len(content['nodes'])} nodes; there are at most {MOST_NODES}")
    nodes = tuple(_node(*row) for row in content["nodes"])
    outputs = {_one_of(OUTPUTS, k): _text(v) for k, v in content["outputs"].items()}
    if "loss" not in outputs:
        raise ValueError("a graph without a loss")
    return Graph(nodes, outputs)


def _node(
    name: str,
    op: str,
    args: list[Any],
    kwargs: dict[str, Any] | None = None,
    autocast: str | None = None,
) -> Node:
    if type(args) is not list or type(kwargs or {}) is not dict:
        raise TypeError(f"arguments of node '{_text(name)[:40]}' that are no list")
    region = None if autocast is None else _one_of(("off", "float16", "bfloat16"), autocast)
    return Node(_text(name), _text(op), tuple(args), kwargs or {}, region)


def _text(value: Any) -> str:
    if type(value) is not str or len(value) > LONGEST:
        raise TypeError(f"{str(value)[:40]!r} is no name")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 48:
        raise ValueError(f"{str(value)[:40]} is no size")
    return value


def _one_of(names: tuple[str, ...], value: Any) -> str:
    if value not in names:
        raise ValueError(f"{str(value)[:40]!r} is none of {', '.join(names)}")
    return str(value)
