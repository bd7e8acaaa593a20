"""A model's parameters as the recording names them: module, role, place in the forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import cast

from torch import nn
from torch.optim import Optimizer

from probes.forward_order import ForwardOrder
from probes.layers import Given, Layers
from probes.recording import TensorInfo

NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.LocalResponseNorm,
    *((nn.RMSNorm,) if hasattr(nn, "RMSNorm") else ()),
)
STATE = ":"  # between a parameter's name and that of a part of its optimizer's state
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)


def unwrapped(model: nn.Module) -> nn.Module:
    """The user's own module inside torch.compile's or a parallel wrapper's."""
    while True:
        if hasattr(model, "_orig_mod"):
            model = cast("nn.Module", model._orig_mod)
        elif isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        else:
            return model


def selected(model: nn.Module, layers: str | None) -> dict[str, nn.Parameter]:
    """The parameters to record; `layers` is a glob over module and parameter names."""
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if layers is None or fnmatchcase(name, layers) or fnmatchcase(_owner(name), layers)
    }


def describe(name: str, model: nn.Module, layers: Layers, order: ForwardOrder) -> TensorInfo:
    """A parameter, a part of the optimizer's state ("0.weight:exp_avg"), or a layer's output."""
    if name in layers.given:
        return _output(name, layers.given[name], model, order)
    parameters = dict(model.named_parameters())
    if name in parameters:
        return _parameter(name, parameters[name], model, order)
    plain = name.rpartition(STATE)[0]
    info = _parameter(plain, parameters[plain], model, order)
    return replace(info, name=name, role="state")


def _output(name: str, given: Given, model: nn.Module, order: ForwardOrder) -> TensorInfo:
    owner, module, shape, kind = given
    depth = _depth(owner, order, model)
    return TensorInfo(
        name, owner, type(module).__name__, "output", shape, kind, depth, trainable=True
    )


def _parameter(
    name: str, parameter: nn.Parameter, model: nn.Module, order: ForwardOrder
) -> TensorInfo:
    owner = _owner(name)
    module = model.get_submodule(owner)
    return TensorInfo(
        name,
        owner,
        type(module).__name__,
        _role(name, parameter, module, owner in order.cancelled),
        "x".join(map(str, parameter.shape)),
        str(parameter.dtype).removeprefix("torch."),
        _depth(owner, order, model),
        parameter.requires_grad,
    )


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _role(name: str, parameter: nn.Parameter, module: nn.Module, cancelled: bool) -> str:
    if isinstance(module, NORMS):
        return "norm"
    if isinstance(module, EMBEDDINGS):
        return "embedding"
    local = name.rpartition(".")[2]
    if parameter.ndim >= 2 and ("weight" in local or not any(True for _ in module.children())):
        return "matrix"
    if "bias" in local:
        return "cancelled" if cancelled else "bias"
    return "other"


def _depth(owner: str, order: ForwardOrder, model: nn.Module) -> int:
    """Rank in the forward pass: of the module, or of the nearest one around it that was seen."""
    name = owner
    while name not in order.ranks and name:
        name = _owner(name)
    if name in order.ranks and (name or not owner):
        return order.ranks[name]
    names = [found for found, _ in model.named_modules()]
    return names.index(owner)


def shares(
    model: nn.Module, layers: str | None, optimizers: Sequence[Optimizer]
) -> list[dict[str, nn.Parameter]]:
    """Each optimizer's selected parameters; those that none holds are the first one's."""
    owners = {
        id(parameter): n
        for n, optimizer in reversed(list(enumerate(optimizers)))
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    return [
        {k: p for k, p in selected(model, layers).items() if owners.get(id(p), 0) == n}
        for n in range(max(1, len(optimizers)))
    ]
