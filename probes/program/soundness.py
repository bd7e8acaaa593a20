"""Does a program make sense? Every operation known, every argument of the right type, all defined.

Nothing runs here: the types are torch's own, from the schema of each operation.
"""

from __future__ import annotations

import re
from typing import Any

import torch

from probes.folder import ProgramError
from probes.program.form import Graph, Node, Program
from probes.program.literals import DTYPES, LONGEST, is_reference, read_literal
from probes.program.operations import ARITY, GETITEM, SIZES, known, listed, overload

Type = Any  # what a reference stands for: "Tensor", "List[Tensor]", "number", or a tuple of these
AGAIN = "The program is damaged or not from Fathom: copy the run again from where it was recorded."


def check(program: Program) -> None:
    """Raise ProgramError unless all of the program is as it must be."""
    for spec in program.tensors.values():
        if spec.dtype not in DTYPES:
            raise ProgramError(f"'{spec.name}' is of unknown dtype '{spec.dtype[:40]}'. {AGAIN}")
    for mode, graph in program.graphs.items():
        try:
            _check_graph(program, graph)
        except ProgramError as error:
            raise ProgramError(f"{mode} graph: {error}") from None


def _check_graph(program: Program, graph: Graph) -> None:
    types: dict[str, Type] = dict.fromkeys(program.tensors, "Tensor")
    names = {node.reference for node in graph.nodes}
    for at, node in enumerate(graph.nodes):
        scope = _Scope(types, names, f"node {at} '{node.name[:60]}'")
        if node.reference in types:
            raise scope.wrong("has the name of an earlier one")
        types[node.reference] = _result(node, scope)
    outputs = _Scope(types, names, "the outputs")
    for name, reference in graph.outputs.items():
        if outputs.type_of(reference) != "Tensor":
            raise outputs.wrong(f"have '{name}', which is no tensor")


class _Scope:
    """What may be referred to at one node."""

    def __init__(self, types: dict[str, Type], names: set[str], where: str) -> None:
        self._types, self._names, self._where = types, names, where

    def type_of(self, reference: str) -> Type:
        if reference in self._types:
            return self._types[reference]
        if reference in self._names:
            raise self.wrong(f"uses '{reference[:60]}', which comes later or is itself (a cycle)")
        raise self.wrong(f"uses '{reference[:60]}', which nothing defines")

    def wrong(self, what: str) -> ProgramError:
        return ProgramError(f"{self._where} {what}. {AGAIN}")


def _result(node: Node, scope: _Scope) -> Type:
    """The type of what a node gives, its arguments being right."""
    if not listed(node.op):
        raise scope.wrong(
            f"is of operation '{node.op[:60]}', which is not one of those that a program may have"
        )
    if not known(node.op):
        raise ProgramError(
            f"node '{node.name[:60]}' is of operation '{node.op}', which torch {torch.__version__} "
            "does not have; read this recording with a newer torch"
        )
    if node.op == GETITEM:
        return _item(node, scope)
    if node.op in SIZES:
        return _size(node, scope)
    _check_arguments(node, scope)
    returns = [_base(str(value.real_type)) for value in overload(node.op)._schema.returns]
    return returns[0] if len(returns) == 1 else tuple(returns)


def _item(node: Node, scope: _Scope) -> Type:
    if len(node.args) == 2 and is_reference(node.args[0]) and type(node.args[1]) is int:
        whole, at = scope.type_of(node.args[0]), node.args[1]
        if whole == "List[Tensor]":
            return "Tensor"
        if isinstance(whole, tuple) and 0 <= at < len(whole):
            return whole[at]
    raise scope.wrong("takes a part of something that has no such part")


def _size(node: Node, scope: _Scope) -> Type:
    wanted = ARITY.get(node.op, 2)
    if len(node.args) != wanted or node.kwargs:
        raise scope.wrong(f"gives {node.op} {len(node.args)} arguments; it takes {wanted}")
    for value in node.args:
        if not _fits(value, "number", scope):
            raise scope.wrong(f"gives {node.op} {str(value)[:40]!r}, which is no size")
    return "number"


def _check_arguments(node: Node, scope: _Scope) -> None:
    arguments = overload(node.op)._schema.arguments
    places = [a for a in arguments if not a.kwarg_only]
    if len(node.args) > len(places):
        raise scope.wrong(f"gives {node.op} {len(node.args)} arguments; it takes {len(places)}")
    given = {a.name: value for a, value in zip(places, node.args, strict=False)}
    named = {a.name for a in arguments if a.kwarg_only}  # one way to write each: by its place
    if strange := node.kwargs.keys() - named:
        raise scope.wrong(
            f"gives {node.op} '{min(strange)[:40]}' by name; it takes {sorted(named)} by name"
        )
    given |= node.kwargs
    for argument in arguments:
        _check_argument(node.op, argument, given, scope)


def _check_argument(op: str, argument: Any, given: dict[str, Any], scope: _Scope) -> None:
    if argument.name not in given:
        if not argument.has_default_value():
            raise scope.wrong(f"gives {op} no '{argument.name}'")
        return
    value, kind = given[argument.name], str(argument.real_type)
    if not _fits(value, kind, scope):
        raise scope.wrong(
            f"gives {op} {str(value)[:60]!r} as '{argument.name}', which is to be {kind}"
        )


_WRAPPED = re.compile(r"(Optional|List)\[(.*)\]")


def _base(kind: str) -> str:
    kind = {"SymInt": "int", "Scalar": "number"}.get(kind, kind)
    return "number" if kind in ("int", "float", "bool") else kind


def _fits(value: Any, kind: str, scope: _Scope) -> bool:
    if wrapped := _WRAPPED.fullmatch(kind):
        outer, inner = wrapped.groups()
        if outer == "Optional":
            return value is None or _fits(value, inner, scope)
        return _fits_list(value, kind, inner, scope)
    if is_reference(value):
        found = scope.type_of(value)
        if kind == "bool":  # such as whether a layer trains: never left to a run
            return False
        # torch takes a size where a tensor is due, as it takes any number
        return bool(found == kind or (found == "number" and _base(kind) in ("number", "Tensor")))
    return _literal_fits(value, kind)


def _fits_list(value: Any, kind: str, inner: str, scope: _Scope) -> bool:
    if is_reference(value):
        return bool(scope.type_of(value) == kind)
    if type(value) is not list:  # torch takes 2 for [2, 2]
        return inner in ("int", "SymInt", "float") and _fits(value, inner, scope)
    return len(value) <= LONGEST and all(_fits(part, inner, scope) for part in value)


_LITERALS: dict[str, tuple[Any, ...]] = {
    "Tensor": (int, float, bool),  # a number stands for a tensor of no dimension
    "int": (int,),
    "SymInt": (int,),
    "float": (int, float),
    "number": (int, float, bool),
    "bool": (bool,),
}
_TAGS = {"ScalarType": "dtype", "MemoryFormat": "memory_format", "str": "text"}


def _literal_fits(value: Any, kind: str) -> bool:
    if type(value) is dict:
        if kind in _TAGS:
            return _TAGS[kind] in value and read_literal(value) is not None
        return "float" in value and kind in ("float", "number", "Tensor") and _is_number(value)
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        return False
    return type(value) in _LITERALS.get(kind, ())


def _is_number(value: dict[str, Any]) -> bool:
    return isinstance(read_literal(value), float)
