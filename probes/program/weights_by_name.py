"""The names that snapshots know a model's tensors by: of several, the first."""

from __future__ import annotations

from torch import Tensor, nn

from probes.host_copy import weights


def canonical_names(model: nn.Module) -> dict[int, tuple[str, str]]:
    """By the tensor's identity: its kind and its name."""
    names: dict[int, tuple[str, str]] = {}
    for name, tensor in weights(model):
        kind = "parameter" if isinstance(tensor, nn.Parameter) else "buffer"
        names.setdefault(id(tensor), (kind, name))
    return names


def live_weights(model: nn.Module) -> dict[str, Tensor]:
    """The live tensors under the names that a program and a snapshot have for them."""
    tensors = {id(tensor): tensor for _, tensor in weights(model)}
    return {name: tensors[key] for key, (_, name) in canonical_names(model).items()}
