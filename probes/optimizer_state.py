"""What the optimizer keeps: its moments, its settings, and whether momentum and gradient agree.

Rows are named "<parameter>:<key>" after the optimizer's own keys: exp_avg, exp_avg_sq,
momentum_buffer, … They are of the arena's sample, as they stand after the step. An element's
effective rate under Adam is lr / (sqrt(exp_avg_sq) + eps): its spread can be read off the
histogram of exp_avg_sq. How far elements really moved is in the series "updates".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from probes.parameters import STATE
from probes.probe import Look, Moment
from probes.sampling import fits, local, sample

SETTINGS = ("lr", "weight_decay", "momentum", "dampening", "nesterov", "eps")  # when they change
MOMENTA = ("exp_avg", "momentum_buffer")
COSINE_EVERY = 8  # records


class OptimizerState:
    """Moments of every parameter, settings of every group, and the momentum's direction."""

    series = "optimizer_state"
    state = "after the step; the cosine is of the momentum before it with the step's gradient"

    def __init__(self) -> None:
        self._settings: dict[str, float] = {}
        self._cosines: list[tuple[list[str], Tensor]] = []

    def before(self, look: Look) -> None:
        if look.optimizer is not None and look.record % COSINE_EVERY == 0:
            self._compare(look, look.optimizer)

    def after(self, look: Look) -> None:
        if look.optimizer is None:
            return
        named = [
            (f"{name}{STATE}{key}", value)
            for name, parameter in zip(look.names, look.parameters, strict=True)
            for key, value in _moments(look.optimizer, parameter)
        ]
        look.shelf.take_all([name for name, _ in named], [value for _, value in named])

    def _compare(self, look: Look, optimizer: Optimizer) -> None:
        """The cosine of every parameter's momentum with its gradient, on the sample."""
        names, momenta, gradients = [], [], []
        for name, parameter in zip(look.names, look.parameters, strict=True):
            momentum = _momentum(optimizer, parameter)
            gradient = local(parameter.grad)
            if momentum is not None and gradient is not None and fits(gradient):
                if momentum.stride() != gradient.stride():  # the sample is of what lies in memory
                    momentum, gradient = momentum.contiguous(), gradient.contiguous()
                names.append(name)
                momenta.append(sample(momentum, look.record))
                gradients.append(sample(gradient, look.record))
        if names:
            self._cosines.append((names, _cosines(momenta, gradients)))

    def step(self, moment: Moment) -> None:
        for name, value in _settings(moment.optimizers):
            if isinstance(value, Tensor):  # on an accelerator: told each time, never waited for
                moment.scalar(name, value)
            elif self._settings.get(name) != value:
                self._settings[name] = value
                moment.scalar(name, value)
        for names, cosines in self._cosines:
            moment.array("momentum_gradient_cosine", cosines, f"[parameter: {', '.join(names)}]")
        self._cosines.clear()


def _moments(optimizer: Optimizer, parameter: Tensor) -> Iterator[tuple[str, Tensor]]:
    for key, value in optimizer.state.get(parameter, {}).items():
        # "step" has the shape of a parameter that is a single number.
        if isinstance(value, Tensor) and value.shape == parameter.shape and key != "step":
            yield key, value


def _momentum(optimizer: Optimizer, parameter: Tensor) -> Tensor | None:
    state = optimizer.state.get(parameter, {})
    found = next((state[key] for key in MOMENTA if isinstance(state.get(key), Tensor)), None)
    return None if found is None or not fits(local(found)) else local(found)


def _cosines(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    """Of pairs of samples, from the norms of both and of their sum: three calls for all."""
    lefts = [part.to(torch.float32) for part in left]
    rights = [part.to(torch.float32) for part in right]
    a, b = (torch.stack(torch._foreach_norm(parts)) for parts in (lefts, rights))  # [parameter]
    unit_left = torch._foreach_div(lefts, list(a.clamp_min(1e-30)))
    unit_right = torch._foreach_div(rights, list(b.clamp_min(1e-30)))
    both = torch.stack(torch._foreach_norm(torch._foreach_add(unit_left, unit_right)))
    return torch.where((a > 0) & (b > 0), both.square() / 2 - 1, torch.nan)


def _settings(optimizers: Sequence[Optimizer]) -> Iterator[tuple[str, float | Tensor]]:
    """Named "optimizer/0/lr", or "optimizer/1.0/lr" where there are several optimizers."""
    for n, optimizer in enumerate(optimizers):
        for g, group in enumerate(optimizer.param_groups):
            place = f"{n}.{g}" if len(optimizers) > 1 else str(g)
            for key, value in _of_group(group):
                number = _number(value)
                if number is not None:
                    yield f"optimizer/{place}/{key}", number


def _of_group(group: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((key, group.get(key)) for key in SETTINGS)
    yield from ((f"beta{k}", beta) for k, beta in enumerate(group.get("betas", ()), 1))
    if group.get("maximize"):  # most never do
        yield "maximize", True


def _number(value: Any) -> float | Tensor | None:
    if isinstance(value, Tensor) and value.numel() == 1:
        return float(value) if value.device.type == "cpu" else value
    return float(value) if isinstance(value, (int, float)) else None
