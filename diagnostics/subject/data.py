"""What a subject says of its data: whose they are, which are right, and by what they are told."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from probes.folder import FathomError

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
                digest.update(as_numpy(tensor).tobytes())
    return digest.hexdigest()[:32]


def checked_parts(place: str, made: Any) -> tuple[Any, Any, Any]:
    """What a subject is made of, if that is what a function of the user's gives."""
    if isinstance(made, tuple) and len(made) == 3:
        return made
    raise FathomError(
        f"'{place}' gives a {type(made).__name__}; let it return a Subject, or the three that one "
        "is made of: model, loss, batch."
    )


@contextmanager
def first_look(known: Mapping[str, Tensor]) -> Iterator[None]:
    """What goes wrong with other data is said beside the data that the loss is known to take."""
    try:
        yield
    except FathomError:
        raise
    except Exception as error:  # whatever it may lead torch or the user's model to
        told = str(error).strip().partition("\n")[0][:200]
        parts = (f"'{name}' {[*tensor.shape]} of {tensor.dtype}" for name, tensor in known.items())
        raise FathomError(
            f"the loss cannot be had of these data ({type(error).__name__}: {told}); give them as "
            f"those that it is known to take: {', '.join([*parts][:8])}."
        ) from error


def as_numpy(tensor: Tensor) -> NDArray[Any]:
    """Halves in float32, which holds them exactly: some of them numpy lacks."""
    plain = tensor.detach().cpu()
    if plain.is_floating_point() and plain.element_size() < 4:
        plain = plain.float()
    found: NDArray[Any] = plain.contiguous().numpy()
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
