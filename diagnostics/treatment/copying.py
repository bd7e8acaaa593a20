"""Copies of a training's objects that share nothing with the user's."""

from __future__ import annotations

import types
from collections import OrderedDict
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn
from torch.optim import Optimizer

from diagnostics.treatment.training import Training
from probes.folder import FathomError
from probes.program.objective import Loss, Whole

HOOKS = (
    *("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"),
    *("_state_dict_hooks", "_load_state_dict_pre_hooks"),
)


@dataclass(frozen=True)
class Copies:
    """What belongs together, copied together: the optimizer's parameters are the model's."""

    model: nn.Module
    optimizer: Optimizer
    scheduler: Any
    scaler: Any
    loss: Loss


def copies(training: Training) -> Copies:
    """The optimizer with its settings and state, the scheduler at its place, the loss rebound."""
    memo: dict[int, Any] = {}
    for module in training.model.modules():
        _drop_recorders_hooks(module, memo)
    try:
        model, optimizer = deepcopy(training.model, memo), deepcopy(training.optimizer, memo)
        scheduler, scaler = deepcopy((training.scheduler, training.scaler), memo)
        loss = _rebound(training.loss, memo)
    except Exception as error:
        told = str(error).split("\n", 1)[0]
        raise FathomError(
            f"the training cannot be copied ({type(error).__name__}: {told}); give a function of a "
            "seed that makes a fresh Training."
        ) from error
    return Copies(model, optimizer, scheduler, scaler, loss)


def _drop_recorders_hooks(module: nn.Module, memo: dict[int, Any]) -> None:
    """A recorder looks at the user's model alone; hooks that are part of a model stay."""
    for name in HOOKS:
        hooks = getattr(module, name, None)
        if hooks and any(_is_ours(hook) for hook in hooks.values()):
            kept = OrderedDict((key, hook) for key, hook in hooks.items() if not _is_ours(hook))
            memo[id(hooks)] = deepcopy(kept, memo)


def _is_ours(hook: Any) -> bool:
    inner = hook.func if isinstance(hook, partial) else hook
    return str(getattr(inner, "__module__", "")).startswith("probes.")


def _rebound(loss: Any, memo: dict[int, Any]) -> Any:
    """A function that speaks of the model by its closure is to speak of the copy."""
    if isinstance(loss, Whole):
        return Whole(_rebound(loss.function, memo))
    if isinstance(loss, partial):
        parts = [_rebound(part, memo) for part in loss.args]
        named = {name: _rebound(part, memo) for name, part in loss.keywords.items()}
        return partial(_rebound(loss.func, memo), *parts, **named)
    if isinstance(loss, types.FunctionType):
        return _with_own_closure(loss, memo)
    if isinstance(loss, (nn.Module, types.MethodType)):
        return deepcopy(loss, memo)
    return memo.get(id(loss), loss)


def _with_own_closure(function: types.FunctionType, memo: dict[int, Any]) -> types.FunctionType:
    if not function.__closure__:
        return function
    if id(function) in memo:  # one that calls itself
        return memo[id(function)]  # type: ignore[no-any-return]
    cells = [types.CellType() for _ in function.__closure__]
    code, known = function.__code__, function.__globals__
    copied = types.FunctionType(code, known, function.__name__, function.__defaults__, tuple(cells))
    copied.__kwdefaults__ = function.__kwdefaults__
    memo[id(function)] = copied
    for cell, own in zip(function.__closure__, cells, strict=True):
        own.cell_contents = _rebound(cell.cell_contents, memo)
    return copied
