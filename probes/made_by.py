"""Which function made a tensor, by its node in the graph, and between what limits that can give.

Nodes are known by their numbers: one that is held would keep the whole graph alive.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from probes.moments import Limits

LONGEST = 12  # nodes from a loss's input to what made it
PASSES_ON = {  # without a function of its own: views, copies, choices of some elements
    *("Alias", "AsStrided", "Clone", "Contiguous", "Expand", "Index", "IndexSelect", "Narrow"),
    *("Permute", "ReshapeAlias", "Select", "Slice", "Split", "Squeeze", "T", "ToCopy", "Transpose"),
    *("Unflatten", "UnsafeSplit", "UnsafeView", "Unsqueeze", "View", "_DDPSink"),
}
_ANY = (-math.inf, math.inf)
FUNCTIONS: dict[str, tuple[str, Limits]] = {  # as nn calls them
    "Addmm": ("Linear", _ANY),
    "Bmm": ("Linear", _ANY),
    "Linear": ("Linear", _ANY),
    "Mm": ("Linear", _ANY),
    "Exp": ("Exp", (0.0, math.inf)),
    "Hardsigmoid": ("Hardsigmoid", (0.0, 1.0)),
    "LogSigmoid": ("LogSigmoid", (-math.inf, 0.0)),
    "LogSoftmax": ("LogSoftmax", (-math.inf, 0.0)),
    "Relu": ("ReLU", (0.0, math.inf)),
    "Sigmoid": ("Sigmoid", (0.0, 1.0)),
    "Softmax": ("Softmax", (0.0, 1.0)),
    "Softplus": ("Softplus", (0.0, math.inf)),
    "Tanh": ("Tanh", (-1.0, 1.0)),
}


class Maker(NamedTuple):
    """Whatever made a tensor; and those that it went through since, the last one first."""

    name: str  # as nn calls the function, if it does; "" where there is no graph
    limits: Limits | None
    nodes: tuple[int, ...]


def node_of(tensor: Tensor) -> int | None:
    """The number of what made it, of which no two are the same in one thread."""
    node = tensor.grad_fn
    return None if node is None else int(node._sequence_nr())


def maker_of(tensor: Tensor) -> Maker:
    """The first that did more than pass it on."""
    node, name = tensor.grad_fn, ""
    nodes: list[int] = []
    while node is not None and len(nodes) < LONGEST:
        nodes.append(int(node._sequence_nr()))
        name = node.name().split(":")[-1].partition("Backward")[0]
        if name not in PASSES_ON:
            break
        node = node.next_functions[0][0]
    known, limits = FUNCTIONS.get(name, (name, None))
    return Maker(known, limits, tuple(nodes))
