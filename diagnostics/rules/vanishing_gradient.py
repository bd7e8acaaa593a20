"""The gradient shrinks geometrically on its way from the loss to the first layer.

**What it looks at.** The rms of each layer's weight gradient, and of its bias gradient, in the
order of the forward pass; the factor from one layer to the layer before it, with its 95 %
interval; the first layer's over the last's. It fires when both are small, the whole interval
included, in the first records or in the last quarter of the run.

**Why it is bad.** The first layers receive a signal so small that they hardly move: the network
trains as if it had its last layers only, on random features of the input.

**Where it comes from.** Every layer multiplies the gradient by its weights and by the slope of its
activation. A sigmoid's slope is at most 1/4; a saturated tanh's is near 0; weights drawn too small
do the same to activations and gradients alike, which weight gradients hide (they are products of
both) and bias gradients show.

**What to do.** ReLU-like activations with He initialisation, a normalisation, or residual
connections:

    nn.Sequential(nn.Linear(64, 64), nn.ReLU(), …)         # instead of nn.Sigmoid()
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

**What it cannot see.** Vanishing through time in a recurrent network (one matrix serves all time
steps), and networks with fewer than four layers.

References: Glorot & Bengio 2010; He et al. 2015; Hochreiter 1991.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.gradient_flow import GradientFlow, gradient_flow
from diagnostics.run import FathomError, Run
from diagnostics.thresholds import thresholds

LIMITS = thresholds("vanishing_gradient")
START = 5  # records that count as the beginning


def vanishing_gradient(run: Run) -> Verdict:
    """Does the gradient die on its way to the input?"""
    try:
        flows = {view: gradient_flow(run, view) for view in ("weight", "bias")}
    except FathomError as error:
        return NotEnough(str(error))
    answers = [_judge(flow) for flow in flows.values()]
    findings = [answer for answer in answers if isinstance(answer, Finding)]
    return findings[0] if findings else answers[0]


def _judge(flow: GradientFlow) -> Verdict:
    if len(flow.steps) < LIMITS["records"]:
        return NotEnough(f"{len(flow.steps)} records so far; it takes {LIMITS['records']:g}")
    if flow.in_profile.sum() < LIMITS["layers"]:
        return NotEnough(
            f"{flow.in_profile.sum()} layers with a {flow.parameters} gradient; "
            f"a decay takes {LIMITS['layers']:g}"
        )
    usable = np.isfinite(flow.decay) & np.isfinite(flow.decay_high)
    if usable.sum() < LIMITS["records"]:
        return NotEnough("gradients that are exactly zero or not finite leave no ratio to judge")
    windows = _windows(flow, usable)
    seen = [window for window in windows if _vanishes(flow, window)]
    return _finding(flow, seen, recovered=windows[-1] not in seen) if seen else None


def _windows(flow: GradientFlow, usable: NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Records at the start, and in the last quarter of the steps."""
    records = np.flatnonzero(usable)
    late = flow.steps[records] > 0.75 * flow.steps[-1]
    count = max(START, int(late.sum()))
    return [tuple(records[:START].tolist()), tuple(records[-count:].tolist())]


def _vanishes(flow: GradientFlow, window: tuple[int, ...]) -> bool:
    ratio, high = _middle(flow, window)
    return ratio < _ratio_limit(flow) and high < LIMITS["decay_high"]


def _middle(flow: GradientFlow, window: tuple[int, ...]) -> tuple[float, float]:
    at = list(window)
    return float(np.median(flow.first_to_last[at])), float(np.median(flow.decay_high[at]))


def _ratio_limit(flow: GradientFlow) -> float:
    return LIMITS["first_to_last" if flow.parameters == "weight" else "bias_first_to_last"]


def _finding(flow: GradientFlow, seen: list[tuple[int, ...]], *, recovered: bool) -> Finding:
    ratio, high = _middle(flow, seen[-1])
    decay = float(np.median(flow.decay[list(seen[-1])]))
    when = "at the start of training, and later recovers" if recovered else "throughout"
    return Finding(
        disease="vanishing_gradient",
        severity="warning" if recovered else "error",
        symptom=(
            f"The {flow.parameters} gradient shrinks {1 / decay:.3g}-fold a layer towards the "
            f"input: the first layer receives {ratio:.2g} of what the last one does, {when}."
        ),
        cause=(
            "Each layer multiplies the gradient by its weights and by the slope of its activation; "
            "here their product is well below 1 (sigmoid and tanh units, or weights drawn too "
            "small). The first layers hardly learn."
        ),
        remedy=(
            "Use ReLU-like activations with He initialisation, a normalisation after each layer, "
            "or residual connections:\n"
            "    nn.Linear(n, n), nn.BatchNorm1d(n), nn.ReLU()\n"
            '    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")'
        ),
        evidence=(
            Evidence("first layer / last layer", ratio, _ratio_limit(flow), "below"),
            Evidence("factor a layer, upper 95 % limit", high, LIMITS["decay_high"], "below"),
        ),
        layers=_starved(flow, seen[-1]),
        steps=(int(flow.steps[seen[0][0]]), int(flow.steps[seen[-1][-1]])),
        confidence=0.8 if recovered else 0.95,
        panel="gradient_flow",
    )


def _starved(flow: GradientFlow, window: tuple[int, ...]) -> tuple[str, ...]:
    """Layers that receive less than the limit's share of the last one's gradient, worst first."""
    places = np.flatnonzero(flow.in_profile)
    rms = np.nanmedian(flow.rms[list(window)][:, places], axis=0)
    worst = np.argsort(rms)
    return tuple(flow.layers[places[n]] for n in worst if rms[n] < _ratio_limit(flow) * rms[-1])
