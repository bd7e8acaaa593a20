"""A program run on tensors without memory, to see what a run would need before anything is made."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from probes.folder import ProgramError
from probes.program.form import Program
from probes.program.interpreter import prepare
from probes.program.literals import DTYPES


def rehearse(program: Program, batch: Mapping[str, Tensor], limit: int, **how: Any) -> int:
    """The bytes of the largest tensor on the way; refused where it would exceed the limit."""
    evaluate, largest = prepare(program, **how), 0
    loss = evaluate.outputs.get("loss")
    _check_number(loss, program.tensors[loss].shape if loss in program.tensors else ())
    with _silent(), FakeTensorMode():
        weights = {s.name: _blank(s.shape, s.dtype) for s in _given(program)}
        inputs = {name: _blank(value.shape, _name(value)) for name, value in batch.items()}
        for reference, value in evaluate.stepwise(weights, inputs):
            if reference == loss:
                _check_number(loss, value.shape)
            largest = max(largest, _size(value))
            if largest > limit:
                raise ProgramError(
                    f"'{reference}' would be of {largest} bytes, and limit={limit}; pass a "
                    "smaller batch, or a larger limit if you trust this recording"
                )
    return largest


def _check_number(loss: str | None, shape: Sequence[int | None]) -> None:
    if shape:
        raise ProgramError(
            f"the loss '{loss}' is of {len(shape)} axes, not a number; the program is damaged or "
            "not from Fathom: copy the run again from where it was recorded"
        )


@contextmanager
def _silent() -> Iterator[None]:
    """torch logs what fails on the way; here it is raised."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _given(program: Program) -> Any:
    return program.of_kind("parameter", "buffer", "constant")


def _blank(shape: Any, dtype: str) -> Tensor:
    try:
        return torch.empty(shape, dtype=DTYPES[dtype], device="cpu")
    except RuntimeError as error:
        raise ProgramError(
            f"a tensor of shape {[*shape]} cannot be: {error}; copy the run again from where it "
            "was recorded"
        ) from error


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _size(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.numel() * value.element_size()
    return sum(_size(part) for part in value) if isinstance(value, (tuple, list)) else 0
