"""The tensors in whatever a module gives: a tensor, tuple, list, dict, dataclass or ModelOutput."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

DEEPEST = 4  # levels of nesting


def named_tensors(name: str, value: Any, depth: int = 0) -> list[tuple[str, Tensor]]:
    """Each tensor under the module's name and its place: "lstm[1][0]", "bert[logits]"."""
    if isinstance(value, Tensor):
        return [(name, value)]
    if depth == DEEPEST:
        return []
    return [
        found
        for key, part in _parts(value)
        for found in named_tensors(f"{name}[{key}]", part, depth + 1)
    ]


def the_answer(output: Any) -> Tensor | None:
    """What a model answers with: its logits, or the first tensor, but not a lone number beside."""
    logits = output.get("logits") if isinstance(output, Mapping) else None
    logits = getattr(output, "logits", None) if logits is None else logits
    if isinstance(logits, Tensor):
        return logits
    tensors = [tensor for _, tensor in named_tensors("", output)]
    return next((tensor for tensor in tensors if tensor.ndim), tensors[0] if tensors else None)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, (tuple, list)):
        yield from enumerate(value)
    elif is_dataclass(value):
        yield from ((field.name, getattr(value, field.name, None)) for field in fields(value))


def is_plain(tensor: Tensor) -> bool:
    """Not one that stands for many (vmap, torch.func), or for none (fake, meta)."""
    return (
        not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        and not tensor.is_meta
        and type(tensor).__name__ != "FakeTensor"
    )
