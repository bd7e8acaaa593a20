"""What a subject says of its data: whose they are, which are right, and by what they are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

Tensor = Any  # of any library whose tensors can be read as numpy's


def fingerprint(*parts: str | Mapping[str, Tensor]) -> str:
    """The same for the same words and tensors, and for no others."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode() + b"\0")
        else:
            for name, tensor in part.items():
                digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\0".encode())
                digest.update(_bytes(tensor))
    return digest.hexdigest()[:32]


def _bytes(tensor: Tensor) -> bytes:
    plain = tensor.detach().cpu()
    if plain.is_floating_point() and plain.element_size() < 4:  # some of these numpy lacks
        plain = plain.float()
    found: bytes = plain.contiguous().numpy().tobytes()
    return found


def are_classes(predictions: Tensor | None, target: Tensor | None) -> bool:
    """Is the target the number of a class, and is there a prediction for each class?"""
    if predictions is None or target is None or target.is_floating_point():
        return False
    if target.dtype == target.bool().dtype or not predictions.is_floating_point():
        return False
    shape = tuple(predictions.shape)
    return len(shape) > 1 and shape[1] > 1 and (shape[0], *shape[2:]) == tuple(target.shape)


def correct(predictions: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """How many of each example's targets are met, and how many there are: [example] each.

    Negative targets, such as -100, are not counted.
    """
    counted = target >= 0
    met = (predictions.argmax(1) == target) & counted
    rows = len(target)
    return met.reshape(rows, -1).sum(1), counted.reshape(rows, -1).sum(1)


def examples_in(inputs: Iterable[Tensor]) -> int:
    """The length of the first axis that most tensors of a batch have."""
    lengths = [len(tensor) for tensor in inputs if tensor.ndim]
    return max(lengths, key=lengths.count) if lengths else 1


def free_memory() -> int:
    """Bytes that the host has to spare; without a word from the system, four gigabytes."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:  # noqa: PTH123
            told = {name: value for name, _, value in (line.partition(":") for line in lines)}
        return int(told["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        return 4 << 30
