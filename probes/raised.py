"""Which module an exception came from: the innermost one on its way that is the model's."""

from __future__ import annotations

import traceback
from types import FrameType
from typing import Any

from torch import nn

from probes.first_bad import Report, inputs_of, told
from probes.keeper import Keeper
from probes.named_tensors import named_tensors

LONGEST = 500  # characters of its text


def raised(step: int, model: nn.Module, error: BaseException, keeper: Keeper) -> Report:
    """No frame of the training is kept: they would keep its tensors."""
    names = {id(module): name for name, module in model.named_modules()}
    text = f"{type(error).__name__}: {error}"[:LONGEST]
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = frame.f_locals.get("self")
        if isinstance(module, nn.Module) and id(module) in names:
            name, kind = names[id(module)], type(module).__name__
            given = _arguments(frame)
            place = f"{frame.f_code.co_name}() at {frame.f_code.co_filename}:{line}"
            held = f", which was given {given}" if given else ""
            said = f"raised in {told(name, kind)}{held}, in {place}"
            return _report(step, f"{said}: {text}", error, keeper, (name, kind))
    return _report(step, f"raised outside the model's modules: {text}", error, keeper, (None, ""))


def _report(
    step: int, said: str, error: BaseException, keeper: Keeper, module: tuple[str | None, str]
) -> Report:
    last = keeper.kept[-1] if keeper.kept and module[0] is not None else None
    return Report(
        step,
        "exception",
        f"after step {step}: {said}",
        kind=type(error).__name__,
        module=module[0],
        module_type=module[1],
        forward_pass=last.number if last else None,
        passes=keeper.passes or None,
        arrays=inputs_of(last, ()) if last else {},
    )


def _arguments(frame: FrameType) -> str:
    """Shapes and types of the tensors that the function was called with."""
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]
    told = [part for name in names for part in _shapes(name, frame.f_locals.get(name))]
    return ", ".join(told[:8])


def _shapes(name: str, value: Any) -> list[str]:
    if name == "self":
        return []
    return [
        f"{found} {str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
        for found, tensor in named_tensors(name, value)
    ]
