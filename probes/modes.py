"""How a model and torch are set: training mode, dropout, what is frozen or held, precision.

Written as an event of JSON at the first recorded step, and after that only what has changed, as a
merge patch (RFC 7386): null takes a name away. A mode holds for everything below its name, unless
a longer name says otherwise: {"training": {"": true, "backbone": false}}. "held" says of parameters
whether any optimizer will move them; where there is no optimizer, nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from probes.probe import Moment

# Under these names modules keep what dropout and normalisation are set to.
SETTINGS = (
    *("p", "drop_prob", "dropout"),
    *("momentum", "eps", "affine", "elementwise_affine", "track_running_stats"),
)
_cuda, _cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
SWITCHES: dict[str, Callable[[], Any]] = {
    "default_dtype": torch.get_default_dtype,
    "autocast_dtype.cuda": lambda: torch.get_autocast_dtype("cuda"),
    "autocast_dtype.cpu": lambda: torch.get_autocast_dtype("cpu"),
    "float32_matmul_precision": torch.get_float32_matmul_precision,
    "deterministic_algorithms": torch.are_deterministic_algorithms_enabled,
    "cuda.matmul.allow_tf32": lambda: _cuda.allow_tf32,
    "cuda.matmul.fp32_precision": lambda: _cuda.fp32_precision,
    "cuda.matmul.allow_fp16_reduced_precision_reduction": lambda: (
        _cuda.allow_fp16_reduced_precision_reduction
    ),
    "cuda.matmul.allow_bf16_reduced_precision_reduction": lambda: (
        _cuda.allow_bf16_reduced_precision_reduction
    ),
    "cudnn.allow_tf32": lambda: _cudnn.allow_tf32,
    "cudnn.enabled": lambda: _cudnn.enabled,
    "cudnn.benchmark": lambda: _cudnn.benchmark,
    "cudnn.deterministic": lambda: _cudnn.deterministic,
}

State = dict[str, Any]


class Modes:
    """Tells of every change of a setting, at the first recorded step that ends with it.

    Autocast itself is not seen: its context has been left by then.
    """

    series = "modes"
    state = "after the step"

    def __init__(self) -> None:
        self._modules: list[nn.Module] = []
        self._parameters: list[dict[str, nn.Parameter | None]] = []
        self._settings: list[tuple[State, str]] = []
        self._flags: tuple[Any, ...] = ()
        self._told: State = {}

    def step(self, moment: Moment) -> None:
        held = _held(moment.optimizers)
        flags = self._gather(moment.model), held
        if flags == self._flags:
            return
        state = _state(moment.model, frozenset(held) if moment.optimizers else None)
        if patch := _patch(self._told, state):
            moment.event("modes", json.dumps(patch, separators=(",", ":")))
        self._flags, self._told = flags, state

    def _gather(self, model: nn.Module) -> tuple[Any, ...]:
        """All that the state follows from, as it lies in memory: quick to get and to compare."""
        modules = _reachable(model)
        if modules != self._modules:
            self._modules = modules
            self._parameters = [m._parameters for m in modules if m._parameters]
            self._settings = [(vars(m), name) for m in modules for name in _plain(m)]
        return (
            modules,
            [module.training for module in modules],
            [p is not None and p.requires_grad for own in self._parameters for p in own.values()],
            list(map(id, chain.from_iterable([own.values() for own in self._parameters]))),
            [own.get(name) for own, name in self._settings],
            [_read(switch) for switch in SWITCHES.values()],
        )


def _reachable(model: nn.Module) -> list[nn.Module]:
    """Those of `model.modules()`, in an order that is quicker to find."""
    found, met = [model], {model}
    for module in found:
        for child in module._modules.values():
            if child is not None and child not in met:
                met.add(child)
                found.append(child)
    return found


def _read(switch: Callable[[], Any]) -> Any:
    """None where this torch has no such switch, or cannot tell: old and new ones were mixed."""
    try:
        value = switch()
    except (AttributeError, RuntimeError):
        return None
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def _held(optimizers: Sequence[Optimizer]) -> list[int]:
    """Which tensors they will move: the very objects, for an equal one would not be the model's."""
    groups = [group["params"] for optimizer in optimizers for group in optimizer.param_groups]
    return list(map(id, chain.from_iterable(groups)))


def _state(model: nn.Module, held: frozenset[int] | None) -> State:
    modules = dict(model.named_modules())
    own = {} if held is None else {"held": _of_parameters(modules, lambda p: id(p) in held)}
    return {
        "training": _inherited((name, module.training) for name, module in modules.items()),
        "requires_grad": _of_parameters(modules, lambda parameter: parameter.requires_grad),
        **own,
        "settings": {name: told for name, module in modules.items() if (told := _settings(module))},
        "switches": {
            name: value for name, switch in SWITCHES.items() if (value := _read(switch)) is not None
        },
    }


def _of_parameters(
    modules: dict[str, nn.Module], holds: Callable[[nn.Parameter], bool]
) -> dict[str, bool]:
    """Whether it holds of a parameter, and of a module whether it does of any inside."""
    flags = {}
    for name, module in modules.items():
        inside = [holds(parameter) for parameter in module.parameters()]
        if inside:
            flags[name] = any(inside)
        for local, parameter in module.named_parameters(name, recurse=False):
            flags[local] = holds(parameter)
    return _inherited(sorted(flags.items(), key=lambda item: item[0].count(".") + bool(item[0])))


def _inherited(values: Iterable[tuple[str, bool]]) -> dict[str, bool]:
    """Without those names that say what the nearest one above them says; that one comes first."""
    told: dict[str, bool] = {}
    for name, value in values:
        above = name.rpartition(".")[0]
        while above and above not in told:
            above = above.rpartition(".")[0]
        if name == "" or told.get(above) is not value:
            told[name] = value
    return told


def _plain(module: nn.Module) -> State:
    """Its settings, where they are numbers, switches or nothing."""
    own = vars(module)
    kinds = (bool, int, float, type(None))
    return {name: own[name] for name in SETTINGS if name in own and isinstance(own[name], kinds)}


def _settings(module: nn.Module) -> State:
    found = _plain(module)  # in a patch null has a meaning of its own
    told = {name: "none" if value is None else value for name, value in found.items()}
    if isinstance(module, _BatchNorm):
        told["statistics"] = _statistics(module)
    return {"type": type(module).__name__, **told} if told else {}


def _statistics(module: _BatchNorm) -> str:
    """Normalises with the batch alone, with it while averages move along, or with those, frozen."""
    if module.running_mean is None:
        return "batch"
    return "moving" if module.training else "frozen"


def _patch(old: State, new: State) -> State:
    """What to merge into the old to get the new."""
    patch: State = dict.fromkeys(old.keys() - new.keys())
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            value = _patch(before, value)  # noqa: PLW2901
            if not value:
                continue
        elif name in old and before == value:
            continue
        patch[name] = value
    return patch
