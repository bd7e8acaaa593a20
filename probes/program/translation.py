"""An exported graph, said in the program's words: names, references, literals."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind

from probes.folder import NotRecordable
from probes.program.form import Node, TensorSpec
from probes.program.interpreter import needed
from probes.program.literals import DTYPES, references, replaced, write_literal
from probes.program.objective import Objective
from probes.program.operations import FROM_PYTHON, GETITEM, known
from probes.program.randomness import DROPOUTS, is_random
from probes.program.refusals import foreign
from probes.program.spelling import FIRST_OF_SEVERAL, packet, skipped, spelled
from probes.program.weights_by_name import canonical_names
from probes.program.whereabouts import traced


class Translation:
    """One graph on its way."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._names = canonical_names(objective.model)
        self.nodes: list[Node] = []
        self.specs: list[TensorSpec] = []
        self.constants: dict[str, Tensor] = {}
        self.outputs: dict[str, str] = {}
        self._taken: set[str] = set()

    @classmethod
    def of(cls, exported: ExportedProgram, objective: Objective) -> Translation:
        found = cls(objective)
        values = dict(found._placeholders(exported))
        ambient = _ambient(objective)
        returned = found._walk(exported.graph_module, values, ambient)
        users = exported.graph_signature.user_outputs
        by_name = {str(node): value for node, value in returned.items()}
        given = [by_name[user] for user in users]
        found.outputs = dict(zip(("loss", "predictions"), given, strict=False))
        found.nodes = list(needed(found.nodes, found.outputs.values()))
        found._drop_unused()
        return found

    def _placeholders(self, exported: ExportedProgram) -> Iterator[tuple[fx.Node, str]]:
        inputs = iter(self._objective.inputs)
        nodes = [node for node in exported.graph.nodes if node.op == "placeholder"]
        for node, spec in zip(nodes, exported.graph_signature.input_specs, strict=True):
            if spec.kind is InputKind.USER_INPUT:
                yield node, self._input(next(inputs), node.meta["val"])
            else:
                yield node, self._tensor(spec.target, self._live(exported, spec.target))

    def _live(self, exported: ExportedProgram, name: str) -> Tensor:
        everything = {
            **exported.constants,
            **dict(self._objective.named_buffers(remove_duplicate=False)),
            **dict(self._objective.named_parameters(remove_duplicate=False)),
        }
        found = everything[name]
        if not isinstance(found, Tensor):
            raise foreign(f"on {type(found).__name__} '{name}'", "")
        return found

    def _input(self, name: str, value: Any) -> str:
        shape = tuple(_fixed(size) for size in value.shape)
        return self._add(TensorSpec("input", name, shape, _dtype(value.dtype)))

    def _tensor(self, target: str, tensor: Tensor) -> str:
        """The model's own by the name that snapshots have; all else is a constant."""
        shape, dtype = tuple(tensor.shape), _dtype(tensor.dtype)
        if id(tensor) in self._names:
            kind, name = self._names[id(tensor)]
            return self._add(TensorSpec(kind, name, shape, dtype, tensor.requires_grad))
        name = self._unlike_any_weight(target)
        self.constants[name] = tensor.detach().clone()
        return self._add(TensorSpec("constant", name, shape, dtype))

    def _unlike_any_weight(self, name: str) -> str:
        """A loss has its "loss.weight", and so may a model."""
        taken = {own for _, own in self._names.values()}
        while name in taken:
            name += "_"
        return name

    def _add(self, spec: TensorSpec) -> str:
        if spec.reference not in {other.reference for other in self.specs}:
            self.specs.append(spec)
        return spec.reference

    def _drop_unused(self) -> None:
        used = set(self.outputs.values())
        for node in self.nodes:
            used |= {r for value in (*node.args, *node.kwargs.values()) for r in references(value)}
        self.specs = [s for s in self.specs if s.reference in used or s.kind == "input"]
        names = {spec.name for spec in self.specs if spec.kind == "constant"}
        self.constants = {k: v for k, v in self.constants.items() if k in names}

    def tell_apart(self, mode: str, others: dict[str, Tensor]) -> None:
        """A constant of another graph's name gets one of its own, unless it is the same."""
        for name in list(self.constants):
            if name in others and not _equal(others[name], self.constants[name]):
                self._rename(name, f"{name}.{mode}")

    def _rename(self, old: str, new: str) -> None:
        self.constants[new] = self.constants.pop(old)
        rename = {f"constant:{old}": f"constant:{new}"}
        self.specs = [
            TensorSpec(s.kind, new, s.shape, s.dtype) if s.reference in rename else s
            for s in self.specs
        ]
        self.nodes = [_renamed(node, rename) for node in self.nodes]

    def _walk(
        self, module: fx.GraphModule, values: dict[fx.Node, Any], autocast: str | None
    ) -> dict[fx.Node, Any]:
        """Emit the nodes of a graph; what it returns, by its node."""
        for node in module.graph.nodes:
            if node.op == "output":
                return {n: values[n] for n in node.all_input_nodes if n in values}
            if node.op == "call_function" and not skipped(node):
                values[node] = self._call(module, node, values, autocast)
        raise AssertionError("a graph without output")

    def _call(
        self, module: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Any], region: str | None
    ) -> Any:
        if isinstance(node.target, torch._ops.HigherOrderOperator):
            return self._region(module, node, values, region)
        if node.target in FROM_PYTHON:
            return self._python(node, values, region)
        if not isinstance(node.target, torch._ops.OpOverload):
            raise foreign(str(node.target), node.meta.get("stack_trace", ""))
        op, args, kwargs = spelled(node)
        if not known(op):
            raise foreign(op, node.meta.get("stack_trace", ""), lambda: self._traced(node))
        said = [_said(value, values) for value in args]
        named = {name: _said(value, values) for name, value in kwargs.items()}
        if op == "copy.default":  # torch has no derivative of it
            both = [said[1], said[0]]
            wide = self._emit(f"{node.name}_wide", "expand_as.default", both, {}, region)
            op, said = "type_as.default", [wide, said[0]]
        made = self._emit(self._name(node, op, said), op, said, named, region)
        return {0: made} if packet(node) in FIRST_OF_SEVERAL else made

    def _name(self, node: fx.Node, op: str, args: list[Any]) -> str:
        """What draws goes by its module, as users know it: "blocks.0.drop", "blocks.0.drop#2"."""
        if op not in DROPOUTS and not is_random(Node(node.name, op, tuple(args))):
            return node.name
        path = _path(node) or op.partition(".")[0]
        names = chain([path], (f"{path}#{n}" for n in count(2)))
        return next(name for name in names if name not in self._taken)

    def _traced(self, node: fx.Node) -> str:
        tensors = tuple(self._objective.inputs.values())
        return traced(lambda: self._objective(*tensors), packet(node))

    def _python(self, node: fx.Node, values: dict[fx.Node, Any], region: str | None) -> Any:
        op = FROM_PYTHON[node.target]
        whole = values.get(node.args[0]) if isinstance(node.args[0], fx.Node) else None
        if op == GETITEM and isinstance(whole, dict):
            return whole.get(node.args[1])
        args = [_said(value, values) for value in node.args]
        return self._emit(node.name, op, args, {}, None)

    def _region(
        self, module: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Any], region: str | None
    ) -> dict[int, Any]:
        """no_grad and autocast stand around a graph of their own."""
        kind, arguments = str(node.target), cast("tuple[Any, ...]", node.args)
        if kind == "wrap_with_set_grad_enabled":
            enabled, inner, *given = arguments
        elif kind == "wrap_with_autocast":
            _, dtype, on, _, inner, *given = arguments
            enabled, region = True, _dtype(dtype) if on else "off"
        else:
            raise foreign(f"torch.{kind}", node.meta.get("stack_trace", ""))
        graph = getattr(module, inner.target)
        places = [n for n in graph.graph.nodes if n.op == "placeholder"]
        inside = {p: _said(g, values) for p, g in zip(places, given, strict=True)}
        self._walk(graph, inside, region)
        return {
            n: self._emit(f"{node.name}_{n}", "detach.default", [inside[out]], {}, None)
            if not enabled else inside[out]
            for n, out in enumerate(_returned(graph))
        }  # fmt: skip

    def _emit(
        self, name: str, op: str, args: list[Any], kwargs: dict[str, Any], region: str | None
    ) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        node = Node(name, op, tuple(args), kwargs, region)
        self.nodes.append(node)
        return node.reference


def _path(node: fx.Node) -> str:
    """Of the innermost module that it stands in; "" of the model itself, and of what is outside."""
    places = [path for path, _ in (node.meta.get("nn_module_stack") or {}).values()]
    inside, _, path = (places[-1] if places else "").partition(".")
    return path.partition("@")[0] if inside == "model" else ""


def _fixed(size: Any) -> int | None:
    """None where any will do; a symbol may have turned out to be one number."""
    return size if isinstance(size, int) else size.node.maybe_as_int()


def _returned(graph: fx.GraphModule) -> list[fx.Node]:
    [output] = [node for node in graph.graph.nodes if node.op == "output"]
    found = output.args[0]
    return list(found) if isinstance(found, (tuple, list)) else [found]


def _said(value: Any, values: dict[fx.Node, Any]) -> Any:
    if isinstance(value, fx.Node):
        return values[value]
    if isinstance(value, (tuple, list)):
        return [_said(part, values) for part in value]
    return write_literal(value)


def _renamed(node: Node, names: dict[str, str]) -> Node:
    args = tuple(replaced(value, lambda name: names.get(name, name)) for value in node.args)
    return Node(node.name, node.op, args, node.kwargs, node.autocast)


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.dtype == other.dtype and torch.equal(one, other)


def _dtype(dtype: torch.dtype) -> str:
    name = str(dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise NotRecordable(f"a tensor is of {name}; a program may hold {', '.join(DTYPES)}")
    return name


def _ambient(objective: Objective) -> str | None:
    """The autocast region that the recording itself stands in."""
    devices = {t.device.type for t in (*objective.parameters(), *objective.inputs.values())}
    for device in devices:
        if torch.is_autocast_enabled(device):
            return _dtype(torch.get_autocast_dtype(device))
    return None
