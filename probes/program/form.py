"""The loss program: a model and its loss as a list of ATen operations. Data, not code.

tensors   what it runs on, by reference: "parameter:0.weight", "buffer:1.running_mean",
          "constant:mask", "input:x"; with shape (null: any size of batch), dtype
graphs    "eval" and "train", each a list of nodes [name, operation, arguments, keywords,
          autocast] in an order in which all is defined before it is used, and its outputs
          (loss; perhaps predictions, examples, counts)
batch     the size of the batch it was recorded with, and whether another may be given
checked   how far it was from the live model when it was recorded
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from probes.program.literals import NODE

KINDS = ("parameter", "buffer", "constant", "input")
OUTPUTS = ("loss", "predictions", "examples", "counts")
REDUCTIONS = ("mean", "sum", "other", "unknown")
MODES = ("eval", "train")


@dataclass(frozen=True)
class TensorSpec:
    """A tensor that the program is given."""

    kind: str
    name: str
    shape: tuple[int | None, ...]  # None: of any size, the same for all
    dtype: str
    trainable: bool = False

    @property
    def reference(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def batched(self) -> bool:
        return bool(self.shape) and self.shape[0] is None


@dataclass(frozen=True)
class Node:
    """One operation."""

    name: str
    op: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    autocast: str | None = None  # the dtype of the autocast region it stands in

    @property
    def reference(self) -> str:
        return NODE + self.name


@dataclass(frozen=True)
class Graph:
    """The operations of one mode."""

    nodes: tuple[Node, ...]
    outputs: dict[str, str]


@dataclass(frozen=True)
class Program:
    """All of it, but for the values of its tensors."""

    tensors: dict[str, TensorSpec]  # by reference
    graphs: dict[str, Graph]  # by mode
    batch: int
    dynamic: bool
    reduction: str = "unknown"  # of two batches' losses: the mean by size, the sum, or other
    checked: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what a reader should know: no batch of another size, …

    def of_kind(self, *kinds: str) -> Iterator[TensorSpec]:
        return (spec for spec in self.tensors.values() if spec.kind in kinds)


@dataclass(frozen=True)
class Recorded:
    """A program with the tensors that no snapshot has."""

    program: Program
    constants: dict[str, Tensor]  # by their names in the program
    batch: dict[str, Tensor]
    held_out: dict[str, Tensor] | None = None  # another batch, that training does not see
