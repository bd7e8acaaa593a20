"""How an exported operation is spelled in a program: its name, each argument at its place."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

Spelling = tuple[str, list[Any], dict[str, Any]]
_SKIPPED = ("_assert_tensor_metadata", "_assert_scalar", "_assert_async", "sym_constrain_range")
_ELSEWHERE = ("device", "layout", "pin_memory", "generator", "non_blocking")  # a run's own choice
_SAME = {  # what is said by an operation on the list, without a device or uninitialised memory
    "lift_fresh_copy.default": "clone.default",
    "lift_fresh.default": "alias.default",
    "to.other": "type_as.default",
    "empty.memory_format": "zeros.default",
    "empty_like.default": "zeros_like.default",
    "new_empty.default": "new_zeros.default",
    "view.default": "reshape.default",  # how attention lies in memory another kernel may change
    "_unsafe_view.default": "reshape.default",
    "__and__.Tensor": "bitwise_and.Tensor",
    "__and__.Scalar": "bitwise_and.Scalar",
    "__or__.Tensor": "bitwise_or.Tensor",
    "__xor__.Tensor": "bitwise_xor.Tensor",
}
FIRST_OF_SEVERAL = ("native_dropout", "_native_batch_norm_legit_functional",
                     "_native_batch_norm_legit_no_training")  # fmt: skip


def packet(node: fx.Node) -> str:
    target: Any = node.target
    return str(target._schema.name).removeprefix("aten::")


def skipped(node: fx.Node) -> bool:
    """A check of sizes that held when it was exported."""
    if isinstance(node.target, torch._ops.OpOverload):
        return packet(node).startswith(_SKIPPED)
    return isinstance(node.meta.get("val"), torch.SymBool)


def spelled(node: fx.Node) -> Spelling:
    """The operation, each argument at its place; what only a run can know is left out."""
    target: Any = node.target
    op = f"{packet(node)}.{target._overloadname or 'default'}"
    if target.namespace != "aten":
        return op, [], {}  # its name says whose it is
    arguments = target._schema.arguments
    places = [a.name for a in arguments if not a.kwarg_only]
    given = dict(zip(places, node.args, strict=False)) | dict(node.kwargs)
    return _native(op, given) or _device_free(op, given) or _by_place(op, given, arguments)


def _native(op: str, g: dict[str, Any]) -> Spelling | None:
    """Batch normalisation and dropout, back from what they were lowered to."""
    if op.startswith("_native_batch_norm_legit_"):
        names = ("input", "weight", "bias", "running_mean", "running_var")
        train = op.startswith("_native_batch_norm_legit_functional")
        rest = [train, g["momentum"], g["eps"], False]
        return "batch_norm.default", [*(g.get(name) for name in names), *rest], {}
    if op == "native_dropout.default":
        return "dropout.default", [g["input"], g["p"], bool(g["train"])], {}
    return None


def _device_free(op: str, g: dict[str, Any]) -> Spelling | None:
    if op == "to.device":
        return "to.dtype", [g["self"], g["dtype"]], {}
    return None


def _by_place(op: str, given: dict[str, Any], arguments: Any) -> Spelling:
    args, kwargs = [], {}
    last = max((n for n, a in enumerate(arguments) if a.name in given), default=-1)
    for argument in arguments[: last + 1]:
        value = given.get(argument.name, argument.default_value)
        if argument.kwarg_only:
            if argument.name in given and argument.name not in _ELSEWHERE and value is not None:
                kwargs[argument.name] = value
        else:
            args.append(value)
    if op.startswith(("empty", "new_empty")):
        kwargs.pop("memory_format", None)
    return _SAME.get(op, op), args, kwargs
