"""An exported graph without operations that write to their arguments: pure functions only.

`relu_(h)` becomes `relu(h)`, and who used h afterwards uses the result. That is the same only if
no other view of h's memory is used afterwards: where one is, the graph is refused here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

Value = fx.Node
FRESH = (  # composites that never give their argument back; all other composites may
    *("linear", "matmul", "conv1d", "conv2d", "conv3d", "batch_norm", "layer_norm", "group_norm"),
    *("instance_norm", "rms_norm", "scaled_dot_product_attention", "cross_entropy_loss", "einsum"),
    *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "softmax", "log_softmax"),
)


class WritesIntoView(Exception):  # noqa: N818  (a reason, not an error of ours)
    """A tensor is written to while another name of its memory is still in use."""


def make_pure(module: fx.GraphModule) -> None:
    """All writes become new tensors, in place of the graph that is there."""
    order = {node: n for n, node in enumerate(module.graph.nodes)}
    family = _families(module.graph)
    for node in list(module.graph.nodes):
        if _writes(node):
            _check_alone(node, family, order)
            _replace(module.graph, node, order, family)


def _writes(node: Value) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _families(graph: fx.Graph) -> dict[Value, Value]:
    """Whose memory each value may share: the first of them stands for all."""
    family: dict[Value, Value] = {}
    for node in graph.nodes:
        shared = [family[source] for source in _sources(node)] if _shares(node) else []
        family[node] = shared[0] if shared else node
        for other in shared[1:]:
            family = {n: family[node] if head is other else head for n, head in family.items()}
    return family


def _sources(node: Value) -> list[Value]:
    """What a view is a view of: the first argument, which may be a list."""
    first = node.args[0] if node.args else None
    if isinstance(first, fx.Node):
        return [first]
    return [part for part in first if isinstance(part, fx.Node)] if type(first) is list else []


def _shares(node: Value) -> bool:
    if not isinstance(node.target, torch._ops.OpOverload):
        return node.op == "call_function"  # getitem of a split
    if any(value.alias_info is not None for value in node.target._schema.returns):
        return True
    key = torch._C.DispatchKey.CompositeImplicitAutograd
    composite = node.target.has_kernel_for_dispatch_key(key)
    return composite and node.target._schema.name.removeprefix("aten::") not in FRESH


def _check_alone(node: Value, family: dict[Value, Value], order: dict[Value, int]) -> None:
    """Names from before the write must not be used after it, but for the one that is replaced."""
    written = _written(node)
    for other, head in family.items():
        shares = head is family[written] and other is not written and order[other] < order[node]
        if shares and any(order[user] > order[node] for user in other.users):
            raise WritesIntoView(f"{node.target} into '{written}' while '{other}' is used")


def _replace(
    graph: fx.Graph, node: Value, order: dict[Value, int], family: dict[Value, Value]
) -> None:
    written = _written(node)
    kept = {name: value for name, value in node.kwargs.items() if name != "out"}
    with graph.inserting_before(node):
        new = graph.call_function(_pure(node.target), node.args, kept)
    new.meta["nn_module_stack"] = node.meta.get("nn_module_stack")  # it is named by its module
    order[new] = order[node]
    family[new] = family[written]
    node.replace_all_uses_with(new)
    written.replace_all_uses_with(new, delete_user_cb=lambda user: order[user] > order[node])
    graph.erase_node(node)
    del family[node]


def _written(node: Value) -> Value:
    found = node.kwargs.get("out", node.args[0] if node.args else None)
    if not isinstance(found, fx.Node):
        raise WritesIntoView(f"{node.target} writes to several tensors")
    return found


def _pure(target: Any) -> Any:
    """The operation that gives what this one writes: the same arguments, and nothing written."""
    packet = target._schema.name.removeprefix("aten::").removesuffix("_")
    wanted = [a.name for a in target._schema.arguments if a.name != "out"]
    found = getattr(torch.ops.aten, packet, None)
    for variant in found.overloads() if found is not None else ():
        other = getattr(found, variant)
        same = [a.name for a in other._schema.arguments][: len(wanted)] == wanted
        if same and not other._schema.is_mutable and _alike(target, other):
            return other
    raise WritesIntoView(f"{target} has no form that writes nothing")


def _alike(one: Any, other: Any) -> bool:
    """Of the types too: mul_.Tensor is mul.Tensor and not mul.Scalar."""
    pairs = zip(one._schema.arguments, other._schema.arguments, strict=False)
    return all(str(a.real_type) == str(b.real_type) for a, b in pairs if a.name != "out")
