"""Weights drawn anew, by what follows each layer: He before ReLU, Xavier before tanh."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor, nn
from torch.nn import init

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import ACTIVATIONS, WEIGHTY

ABOUT = About(
    (
        *("symmetric_init", "bad_init_scale", "vanishing_gradient", "exploding_gradient"),
        *("saturated_activations", "dead_relu", "attention_collapse", "no_update", "plateau"),
    )
)
GAINS: dict[type[nn.Module], float] = {nn.Tanh: 5 / 3, nn.Sigmoid: 1.0, nn.SELU: 0.75}
RECTIFIED = math.sqrt(2)


def initialisation(case: Case) -> Proposals:
    """Normal numbers of the right variance, and orthogonal matrices."""
    gains = gains_of(case)
    if not gains:
        return
    kinds = {RECTIFIED: "kaiming_normal_(layer.weight, nonlinearity='relu')"}
    commonest = max(gains.values(), key=[*gains.values()].count)
    told = kinds.get(commonest, f"xavier_normal_(layer.weight, {commonest:.3g})")
    name = "He" if commonest == RECTIFIED else "Xavier"
    yield Change(
        f"{name} initialisation, biases at nought",
        _code(f"nn.init.{told}"),
        partial(redraw, gains=gains, draw=drawn_normal),
    )
    yield Change(
        "orthogonal initialisation, biases at nought",
        _code(f"nn.init.orthogonal_(layer.weight, {commonest:.3g})"),
        partial(redraw, gains=gains, draw=drawn_orthogonal),
    )


def _code(draw: str) -> str:
    return (
        "for layer in model.modules():\n"
        "    if isinstance(layer, (nn.Linear, nn.Conv2d)):\n"
        f"        {draw}\n"
        "        if layer.bias is not None:\n"
        "            nn.init.zeros_(layer.bias)"
    )


def gains_of(case: Case) -> dict[str, float]:
    """What each layer's weights are to make up for, by the activation that comes next."""
    found = {}
    for place, name in enumerate(case.order):
        if not isinstance(case.module(name), WEIGHTY):
            continue
        following = (case.module(other) for other in case.order[place + 1 :])
        ahead = next((m for m in following if isinstance(m, (*ACTIVATIONS, *WEIGHTY))), None)
        is_active = isinstance(ahead, ACTIVATIONS)
        found[name] = _gain(ahead) if is_active else 1.0
    return found


def _gain(activation: nn.Module | None) -> float:
    return next((gain for kind, gain in GAINS.items() if type(activation) is kind), RECTIFIED)


def redraw(
    course: Course, gains: Mapping[str, float], draw: Callable[[Tensor, float], object]
) -> None:
    """And what the optimizer remembers of the old weights is forgotten."""
    for name, gain in gains.items():
        layer = course.model.get_submodule(name)
        assert isinstance(layer.weight, Tensor)
        draw(layer.weight, gain)
        if isinstance(layer.bias, Tensor):
            init.zeros_(layer.bias)
    course.optimizer.state.clear()


def drawn_normal(weight: Tensor, gain: float) -> None:
    fan_in, fan_out = init._calculate_fan_in_and_fan_out(weight)
    around = fan_in if gain == RECTIFIED else (fan_in + fan_out) / 2
    init.normal_(weight, std=gain / math.sqrt(around))


def drawn_orthogonal(weight: Tensor, gain: float) -> None:
    init.orthogonal_(weight, gain)
