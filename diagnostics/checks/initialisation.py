"""The weights as drawn, beside the draw that keeps a signal's size; and units that are copies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.passes import NORMS, Call, Pass, gradients, watched
from diagnostics.checks.setup import Setup
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.initialisation")
NODES, PARTS = np.polynomial.hermite_e.hermegauss(64)


@dataclass(frozen=True)
class Gain:
    """How much larger a layer's weights are than those that keep the second moment at 1."""

    layer: str
    ratio: float
    error: float  # what the draw itself may be off by


def initialisation(setup: Setup) -> Answer:
    """Are the weights drawn to the scale that their nonlinearity asks for, and all different?"""
    with setup.scene() as scene:
        seen = watched(scene)
        gains = [*_gains(seen)]
        copies = [*_copies(seen)]
    if not gains and not copies and not seen.weighted:
        raise CannotAsk("no layer is a linear one or a convolution")
    numbers = tuple(_numbers(gains))
    findings = [*_scaled(gains, numbers), *_symmetric(copies, len(seen.weighted))]
    told = "No layer's very output is all that an elementwise nonlinearity is given."
    if gains:
        typical = math.exp(float(np.mean([math.log(gain.ratio) for gain in gains])))
        by_chance = math.hypot(*(gain.error for gain in gains)) / len(gains)
        told = (
            f"The weights are {typical:.3g} ± {typical * by_chance:.1g} of what keeps a signal's "
            f"size, in {len(gains)} layers."
        )
    return Answer(told, numbers, tuple(findings))


def _gains(seen: Pass) -> Iterator[Gain]:
    for call in seen.weighted:
        following = seen.after(call)
        weight = getattr(call.module, "weight", None)
        if not isinstance(weight, Tensor) or len(following) != 1:
            continue
        std, wanted = float(weight.detach().double().std()), keeps(following[0])
        if std > 0 and wanted > 0:
            fan = weight[0].numel() / (1 if isinstance(call.module, nn.Linear) else _stride(call))
            count = weight.numel()
            yield Gain(call.name, std * math.sqrt(fan) / wanted, 1 / math.sqrt(2 * count))


def _stride(call: Call) -> float:
    """A transposed convolution lays its inputs apart: fewer of them meet at one place."""
    transposed = getattr(call.module, "transposed", False)
    return float(math.prod(getattr(call.module, "stride", (1,)))) if transposed else 1.0


def keeps(call: Call) -> float:
    """The gain at which an elementwise function of a normal input gives back second moment 1.

    1/√E f(z)²: √2 of ReLU, 1.59 of tanh. 0: not such a function.
    """
    module = call.module
    if isinstance(module, NORMS) or any(True for _ in module.children()) or call.parameters:
        return 0.0
    nodes = torch.as_tensor(NODES, dtype=call.values.dtype, device=call.values.device)
    try:
        with torch.no_grad():
            found = module(nodes.clone()).double().cpu()
            whole = module(torch.full_like(nodes, 0.5)).double().cpu()
    except Exception:  # made for inputs of another shape
        return 0.0
    elementwise = found.shape == (len(NODES),) and bool((whole == whole[0]).all())
    if not elementwise or isinstance(module, (nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Dropout)):
        return 0.0
    moment = float(found.square() @ torch.as_tensor(PARTS)) / math.sqrt(2 * math.pi)
    return 1 / math.sqrt(moment) if moment > 0 else 0.0


def _numbers(gains: list[Gain]) -> Iterator[Evidence]:
    """The layers farthest from 1."""
    for gain in sorted(gains, key=lambda g: -abs(math.log(g.ratio)))[:4]:
        name = f"{gain.layer} weights / variance-preserving"
        if gain.ratio > 1:
            yield Evidence(name, gain.ratio, LIMITS["large"], "above")
        else:
            yield Evidence(name, gain.ratio, LIMITS["small"], "below")


def _scaled(gains: list[Gain], numbers: tuple[Evidence, ...]) -> Iterator[Finding]:
    if not gains:
        return
    logs = np.array([math.log(gain.ratio) for gain in gains])
    whole, mean = float(np.exp(np.abs(logs.sum()))), float(np.exp(logs.mean()))
    off = not LIMITS["small"] <= mean <= LIMITS["large"]
    if off and whole > LIMITS["product"]:
        side = "large" if mean > 1 else "small"
        product = Evidence("product of all layers", float(np.exp(logs.sum())), 1.0, "above")
        yield noticed(
            "bad_init_scale",
            "warning",
            Words(
                f"The weights are drawn too {side}: {mean:.3g} of what keeps a signal's size, in "
                f"each of {len(gains)} layers.",
                "From layer to layer signals and gradients are multiplied by that: they explode, "
                "saturate, or fade.",
                "Draw by fan and nonlinearity:\n"
                '    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")\n'
                "    nn.init.xavier_normal_(layer.weight)                # tanh",
            ),
            [*numbers, product],
            [g.layer for g in sorted(gains, key=lambda g: -abs(math.log(g.ratio)))],
            0.9,
        )


def _copies(seen: Pass) -> Iterator[tuple[str, float]]:
    """Layers whose units are copies, and get the same gradient, so that they remain copies."""
    calls = [c for c in seen.weighted if getattr(c.module, "weight", None) is not None]
    weights: list[Tensor] = [c.module.weight for c in calls]  # type: ignore[misc]
    for call, weight, gradient in zip(calls, weights, gradients(seen, weights), strict=True):
        alike, limit = distinct(weight), LIMITS["distinct"]
        copied = len(weight) > 1 and alike < limit
        if copied and gradient is not None and distinct(gradient) < limit:
            yield call.name, alike


def distinct(matrix: Tensor) -> float:
    """Distinct rows over rows."""
    rows = matrix.detach().double().flatten(1)
    scale = float(rows.abs().max())
    return (
        len(torch.unique((rows / scale * 1e6).round(), dim=0)) / len(rows)
        if scale
        else 1 / len(rows)
    )


def _symmetric(copies: list[tuple[str, float]], of: int) -> Iterator[Finding]:
    if copies:
        worst = min(copies, key=lambda c: c[1])
        yield noticed(
            "symmetric_init",
            "error",
            Words(
                f"In {len(copies)} of {of} layers the units are copies of one another, and so are "
                "their gradients.",
                "Equal weights get equal updates: a layer of copies stays one unit for ever.",
                "Draw the weights at random:\n    nn.init.kaiming_normal_(layer.weight)",
            ),
            [Evidence("distinct rows / rows", worst[1], LIMITS["distinct"], "below")],
            [name for name, _ in copies],
            0.99,
        )
