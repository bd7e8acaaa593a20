"""Signal and gradient through the layers, before anything is learnt: do they keep their size?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import linregress
from torch import Tensor

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.passes import Call, Pass, gradients, rms, watched
from diagnostics.checks.setup import Setup
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.depth")


@dataclass(frozen=True)
class Profile:
    """Sizes layer by layer in the order of the pass."""

    layers: tuple[str, ...]
    forward: NDArray[np.float64]  # [layer]  rms of outputs
    weights: NDArray[np.float64]  # [layer]  rms of the weights' gradient
    outputs: NDArray[np.float64]  # [layer]  size of the outputs' gradient, over places in an image


@dataclass(frozen=True)
class Decay:
    """A size's factor from a layer to the layer before it, and that over all of them."""

    ends: float  # first layer / last
    low: float  # its 95 % interval
    high: float


def depth(setup: Setup) -> Answer:
    """Does every layer get a gradient of a size that it can learn from?"""
    profile = _profile(setup)
    if len(profile.layers) < LIMITS["layers"]:
        raise CannotAsk(
            f"a decay takes {LIMITS['layers']:g} layers, each passed once and with a gradient; "
            f"there are {len(profile.layers)}"
        )
    weights, outputs, forward = (
        decay(sizes) for sizes in (profile.weights, profile.outputs, profile.forward[::-1])
    )
    numbers = (
        Evidence("weight gradient, first layer / last", weights.ends, LIMITS["fades"], "below"),
        Evidence("output gradient, first layer / last", outputs.ends, LIMITS["grows"], "above"),
        Evidence("signal, last layer / first", forward.ends, LIMITS["grows"], "above"),
    )
    told = (
        f"Over {len(profile.layers)} layers the signal changes {forward.ends:.3g} fold, and on its "
        f"way back the gradient {outputs.ends:.3g} fold."
    )
    findings = [*_fading(profile, weights, outputs), *_growing(profile, weights, outputs)]
    return Answer(told, numbers, tuple(findings))


def _profile(setup: Setup) -> Profile:
    with setup.scene() as scene:
        scene.train()
        seen = watched(scene)
        calls = _once(seen)
        weights = gradients(seen, [_weight(call) for call in calls])
        outputs = gradients(seen, [call.output for call in calls])
    kept = [
        (call.name, rms(call.values), rms(weight), _size(output))
        for call, weight, output in zip(calls, weights, outputs, strict=True)
        if weight is not None and output is not None and rms(weight) > 0
    ]
    names, *sizes = zip(*kept, strict=True) if kept else ((), (), (), ())
    return Profile(tuple(names), *(np.array(each, dtype=np.float64) for each in sizes))


def _once(seen: Pass) -> list[Call]:
    """Layers that one example passes once: in time each passing has a gradient of its own."""
    times = [call.name for call in seen.calls]
    calls = [c for c in seen.weighted if times.count(c.name) == 1 and c.module.weight is not None]
    return [call for call in calls if isinstance(_weight(call), Tensor)]


def _weight(call: Call) -> Tensor:
    weight: Tensor = call.module.weight  # type: ignore[assignment]
    return weight


def _size(gradient: Tensor) -> float:
    """Over places together: one of a large image gets less than one of a small."""
    values = gradient.detach().double()
    if values.ndim < 3:
        return rms(values)
    axis = 1 if values.ndim > 3 else -1
    units = values.movedim(axis, 1).flatten(2)  # [row, unit, place]
    return float(units.square().sum(2).mean().sqrt())


def decay(sizes: NDArray[np.float64]) -> Decay:
    """The factor a layer towards the input: the slope of a line through the logarithms.

    Not the mean of the factors one by one: within a residual block they go up and down by turns.
    """
    ends = float(sizes[0] / sizes[-1]) if sizes[-1] else np.nan
    usable = (sizes > 0) & np.isfinite(sizes)
    if usable.sum() < 3:
        return Decay(ends, 0.0, np.inf)
    line = linregress(np.flatnonzero(usable), np.log(sizes[usable]))
    room = float(stdtrit(usable.sum() - 2, 0.975) * line.stderr)
    return Decay(ends, float(np.exp(-line.slope - room)), float(np.exp(-line.slope + room)))


def _fading(profile: Profile, weights: Decay, outputs: Decay) -> Iterator[Finding]:
    views = (("weight", weights, LIMITS["fades"]), ("output", outputs, LIMITS["outputs_fade"]))
    for view, found, limit in views:
        if found.ends < limit and found.high < LIMITS["decay_high"]:
            sizes = profile.weights if view == "weight" else profile.outputs
            yield noticed(
                "vanishing_gradient",
                "error",
                Words(
                    f"The {view} gradient fades towards the input: the first layer receives "
                    f"{found.ends:.2g} of what the last one does.",
                    "Each layer multiplies the gradient by its weights and by the slope of its "
                    "nonlinearity; here their product is well below 1. The first layers hardly "
                    "learn.",
                    "Use ReLU-like nonlinearities with He initialisation, a normalisation after "
                    "each layer, or residual connections:\n"
                    "    nn.Linear(n, n), nn.BatchNorm1d(n), nn.ReLU()\n"
                    '    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")',
                ),
                [
                    Evidence("first layer / last layer", found.ends, limit, "below"),
                    Evidence(
                        "factor a layer, upper 95 % limit",
                        found.high,
                        LIMITS["decay_high"],
                        "below",
                    ),
                ],
                [n for n, s in zip(profile.layers, sizes, strict=True) if s < limit * sizes[-1]],
                0.9,
            )
            return


def _growing(profile: Profile, weights: Decay, outputs: Decay) -> Iterator[Finding]:
    for view, found in (("weight", weights), ("output", outputs)):
        if found.ends > LIMITS["grows"] and found.low > LIMITS["decay_low"]:
            yield noticed(
                "exploding_gradient",
                "error",
                Words(
                    f"The {view} gradient grows towards the input: the first layer receives "
                    f"{found.ends:.2g} times what the last one does.",
                    "Each layer multiplies the gradient by its weights; here by more than 1, as "
                    "with weights drawn too large or residual branches that are not scaled.",
                    "Draw by He or Xavier, normalise, or scale the residual branches, and clip:\n"
                    "    x + branch(norm(x))\n"
                    "    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
                ),
                [
                    Evidence("first layer / last layer", found.ends, LIMITS["grows"], "above"),
                    Evidence(
                        "factor a layer, lower 95 % limit", found.low, LIMITS["decay_low"], "above"
                    ),
                ],
                profile.layers[:3],
                0.9,
            )
            return
