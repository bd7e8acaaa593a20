"""Which tensors of a loss program are varied, and what each is: read off its operations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from diagnostics.weight_space import Piece, Role

NORMS = ("batch_norm", "instance_norm", "layer_norm", "group_norm", "rms_norm", "native_layer_norm")
TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def program_pieces(program: Any) -> Iterator[Piece]:
    """A piece for each trainable parameter, in the program's order."""
    users = _users(program.graphs["eval"].nodes)
    start = 0
    for spec in program.of_kind("parameter"):
        if spec.trainable:
            used_by = users.get(spec.reference, set())
            axis = 1 if used_by.intersection(TRANSPOSED) and len(spec.shape) > 1 else 0
            piece = Piece(spec.name, spec.shape, start, _role(used_by, spec.shape), axis)
            yield piece
            start = piece.stop


def _users(nodes: Iterable[Any]) -> dict[str, set[str]]:
    """By reference: the operations that take it as it is."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        for value in (*node.args, *node.kwargs.values()):
            if isinstance(value, str):
                found.setdefault(value, set()).add(node.op.partition(".")[0])
    return found


def _role(used_by: set[str], shape: tuple[int, ...]) -> Role:
    if used_by.intersection(NORMS):
        return "norm"
    return "bias" if len(shape) < 2 else "weight"
