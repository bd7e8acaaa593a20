"""A copy of a model with what belongs to it: its optimizer, and a loss that may speak of it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from types import CellType, FunctionType
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from probes.program.objective import Loss, Whole


def copied(
    model: nn.Module, loss: Loss, optimizers: tuple[Optimizer, ...]
) -> tuple[nn.Module, Loss, tuple[Optimizer, ...]]:
    """Whatever they share, their copies share; nothing of the originals is reached from them."""
    memo: dict[int, Any] = {}
    twin = deepcopy(model, memo)
    others = tuple(deepcopy(each, memo) for each in optimizers)
    if isinstance(loss, Whole):
        return twin, Whole(_function(loss.function, memo)), others
    return twin, None if loss is None else _function(loss, memo), others


def _function(function: Callable[..., Any], memo: dict[int, Any]) -> Callable[..., Any]:
    """A function that speaks of the model, as a penalty on its weights does, speaks of the copy.

    Python copies functions by reference: their cells and the module's names lead to the original.
    """
    if not isinstance(function, FunctionType):
        return deepcopy(function, memo)
    cells = tuple(_cell(cell, memo) for cell in function.__closure__ or ())
    used = set(function.__code__.co_names) & function.__globals__.keys()
    known = {name: function.__globals__[name] for name in used}
    changed = {name: deepcopy(value, memo) for name, value in known.items() if id(value) in memo}
    if not changed and all(a is b for a, b in zip(cells, function.__closure__ or (), strict=True)):
        return function
    names = {**function.__globals__, **changed} if changed else function.__globals__
    twin = FunctionType(function.__code__, names, function.__name__, function.__defaults__, cells)
    twin.__kwdefaults__ = function.__kwdefaults__
    return twin


def _cell(cell: CellType, memo: dict[int, Any]) -> CellType:
    try:
        held = cell.cell_contents
    except ValueError:  # not filled yet
        return cell
    if isinstance(held, FunctionType):
        twin: Any = _function(held, memo)
    elif _leads_to(held, memo):
        twin = deepcopy(held, memo)
    else:
        return cell
    return cell if twin is held else CellType(twin)


def _leads_to(held: Any, memo: dict[int, Any]) -> bool:
    """Is it of what was copied? Lists of parameters count as they do."""
    if isinstance(held, (nn.Module, Tensor)):
        return id(held) in memo or isinstance(held, nn.Module)
    if isinstance(held, (list, tuple)):
        return any(_leads_to(each, memo) for each in held)
    if isinstance(held, dict):
        return any(_leads_to(each, memo) for each in held.values())
    return False
