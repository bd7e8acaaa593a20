"""Runs a loss program at any weights: nothing but its operations, under torch.func as they are.

    evaluate = prepare(program, norm="batch", wanted=("loss", "examples"))
    outputs = evaluate(weights, batch)      # {"loss": …, "examples": …}

Every operation is a pure function, so weights and batch are never changed; a tensor inside goes
as soon as nobody needs it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from probes.folder import ProgramError
from probes.program.form import Graph, Node, Program
from probes.program.literals import DTYPES, is_reference, read_literal, references
from probes.program.normalisation import (
    Norm,
    in_training,
    statistics,
    uses_statistics,
    with_norm,
)
from probes.program.operations import GETITEM, SIZES, overload
from probes.program.recurrent import stepwise

Mode = Literal["eval", "train"]
STATISTICS = "statistics"
Outputs = dict[str, Tensor]


def prepare(
    program: Program,
    mode: Mode = "eval",
    norm: Norm = "running",
    wanted: Sequence[str] = ("loss",),
    transformable: bool = False,
) -> Evaluation:
    """Only what the wanted outputs need: loss, predictions, examples, counts, statistics.

    norm            what batch normalisation takes its mean from
    wanted          "statistics" are those of each batch normalisation's input, under the
                    references of its running buffers ("buffer:1.running_mean")
    transformable   recurrent layers step by step, as vmap and forward derivatives need them
    """
    graph = _chosen(program, mode)
    outputs = {name: _output(graph, name, mode) for name in wanted if name != STATISTICS}
    nodes = graph.nodes
    live = _adapted(program) if norm == "batch" or STATISTICS in wanted else frozenset()
    if STATISTICS in wanted:
        added, names = statistics(nodes, live, program.tensors)
        nodes, outputs = nodes + added, outputs | names
    nodes = needed(with_norm(nodes, live if norm == "batch" else frozenset()), outputs.values())
    last = _last_uses(nodes, set(outputs.values()))
    steps = (_Step.of(node, last[n], transformable) for n, node in enumerate(nodes))
    return Evaluation(program, tuple(steps), outputs)


def _adapted(program: Program) -> frozenset[str]:
    """The running means of the layers that training adapts: the train graph alone tells."""
    if "train" in program.graphs or not uses_statistics(program.graphs["eval"].nodes):
        return in_training(program.graphs.get("train", program.graphs["eval"]).nodes)
    raise ProgramError(
        "which layers normalise by their batch stands in the train graph, and this program has "
        f"none ({'; '.join(program.notes) or 'its notes say nothing'}); pass norm='running'"
    )


def _chosen(program: Program, mode: Mode) -> Graph:
    if mode in program.graphs:
        return program.graphs[mode]
    raise ProgramError(
        f"no {mode} graph in this program (it has: {', '.join(program.graphs)}): "
        f"{'; '.join(program.notes) or 'its notes say nothing'}"
    )


def _output(graph: Graph, name: str, mode: Mode) -> str:
    if name in graph.outputs:
        return graph.outputs[name]
    there = ", ".join((*graph.outputs, STATISTICS))
    raise ProgramError(f"no output '{name}' in the {mode} graph (it has: {there})")


def needed(nodes: Sequence[Node], outputs: Any) -> tuple[Node, ...]:
    """Those that the outputs follow from."""
    used, kept = set(outputs), []
    for node in reversed(nodes):
        if node.reference in used:
            kept.append(node)
            for value in (*node.args, *node.kwargs.values()):
                used.update(references(value))
    return tuple(reversed(kept))


def _last_uses(nodes: Sequence[Node], outputs: set[str]) -> dict[int, tuple[str, ...]]:
    """What no node after this one takes."""
    seen, last = set(outputs), {}
    for n, node in reversed(list(enumerate(nodes))):
        used = {r for v in (*node.args, *node.kwargs.values()) for r in references(v)}
        last[n] = tuple(used - seen)
        seen |= used
    return last


@dataclass(frozen=True)
class Evaluation:
    """A program made ready: a function of the weights and the batch."""

    program: Program
    steps: tuple[_Step, ...]
    outputs: dict[str, str]

    def __call__(self, weights: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> Outputs:
        """`weights` by their names in a snapshot and in `constants`; `batch` by its inputs'."""
        values = _given(self.program, weights, batch)
        device = _device(values)
        with _outside_autocast(device):
            for step in self.steps:
                step.take(values, device)
        return {name: values[reference] for name, reference in self.outputs.items()}

    def stepwise(
        self, weights: Mapping[str, Tensor], batch: Mapping[str, Tensor]
    ) -> Iterator[tuple[str, Any]]:
        """Each result as it comes; an operation that fails is named."""
        values = _given(self.program, weights, batch)
        device = _device(values)
        for step in self.steps:
            try:
                step.take(values, device)
            except Exception as error:
                raise ProgramError(f"'{step.reference}' cannot be computed: {error}") from error
            yield step.reference, values[step.reference]


def _given(
    program: Program, weights: Mapping[str, Tensor], batch: Mapping[str, Tensor]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for reference, spec in program.tensors.items():
        source = batch if spec.kind == "input" else weights
        if spec.name not in source:
            raise ProgramError(
                f"no {spec.kind} '{spec.name}' was given (there are: {_some(source)}); pass all "
                "that program.tensors names"
            )
        values[reference] = source[spec.name]
    return values


def _some(source: Mapping[str, Tensor]) -> str:
    return ", ".join([*source][:8]) + (", …" if len(source) > 8 else "") or "none"


def _device(values: dict[str, Any]) -> torch.device:
    return next((v.device for v in values.values()), torch.device("cpu"))


def _outside_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """The program says itself where a region of lower precision is."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


@dataclass(frozen=True)
class _Step:
    """One node, its literals read."""

    reference: str
    call: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    makes: bool  # a new tensor that has to know its device
    autocast: str | None
    done: tuple[str, ...]

    @classmethod
    def of(cls, node: Node, done: tuple[str, ...], transformable: bool) -> _Step:
        args = tuple(_read(value) for value in node.args)
        kwargs = {name: _read(value) for name, value in node.kwargs.items()}
        call, makes = _call(node.op)
        if transformable:
            call = stepwise(node.op) or call
        region = None if node.autocast == "off" else node.autocast
        return cls(node.reference, call, args, kwargs, makes, region, done)

    def take(self, values: dict[str, Any], device: torch.device) -> None:
        args = [_filled(value, values) for value in self.args]
        kwargs = {name: _filled(value, values) for name, value in self.kwargs.items()}
        if self.makes:
            kwargs["device"] = device
        if self.autocast is None:
            values[self.reference] = self.call(*args, **kwargs)
        else:
            with torch.autocast(device.type, DTYPES[self.autocast]):
                values[self.reference] = self.call(*args, **kwargs)
        for reference in self.done:
            del values[reference]


@dataclass(frozen=True)
class _Ref:
    name: str


def _read(value: Any) -> Any:
    if type(value) is list:
        return [_read(part) for part in value]
    if is_reference(value):
        return _Ref(value)
    return read_literal(value) if type(value) is dict else value


def _filled(value: Any, values: dict[str, Any]) -> Any:
    if type(value) is _Ref:
        return values[value.name]
    if type(value) is list:
        return [_filled(part, values) for part in value]
    return value


def _call(op: str) -> tuple[Callable[..., Any], bool]:
    if op in SIZES:
        return SIZES[op], False
    if op == GETITEM:
        return lambda whole, at: whole[at], False
    if op == "sym_size.int":  # vmap has no rule for the operation, and one for the method
        return Tensor.size, False
    found = overload(op)
    given = [argument.name for argument in found._schema.arguments]
    tensors = [a for a in found._schema.arguments if str(a.real_type) == "Tensor"]
    return found, "device" in given and not tensors
