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
