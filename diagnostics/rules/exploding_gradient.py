"""The gradient grows geometrically on its way to the first layer, or suddenly in time.

**What it looks at.** At the start, in the layers before the output layer: the factor by which the
weight gradient, or the bias gradient, grows from one layer to the layer before it, with its 95 %
interval, and the first layer's over the last's. Over time: the largest total norm against the
median of what came before it; and whether gradients stopped being finite after they had grown.

**Why it is bad.** One step along such a gradient throws the weights far from where the gradient
meant anything; the loss jumps, and NaN follows.

**Where it comes from.** Weights drawn too large (every layer multiplies activations and gradients
by more than 1), residual branches that add up without normalisation or scaling, or a learning rate
so high that the weights themselves grow.

**What to do.** He or Xavier initialisation; a normalisation, or residual branches scaled by
1/√depth; and clip the norm at a usual value:

    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)   # after backward(), before step()

**What it cannot see.** Gradients that are not finite from the first record on: there the cause is
in the data or in the precision, not in a growth. And growth in time behind a clipped norm: what is
recorded is what the optimizer received.

References: Pascanu et al. 2013; He et al. 2015; Zhang et al. 2019 (Fixup).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.gradient_flow import GradientFlow, gradient_flow
from diagnostics.run import FathomError, Run
from diagnostics.thresholds import thresholds

LIMITS = thresholds("exploding_gradient")
REMEDY = (
    "Draw smaller weights, normalise, or scale residual branches by 1/sqrt(depth); clip the norm; "
    "and try a third of the learning rate:\n"
    '    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")\n'
    "    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
)


def exploding_gradient(run: Run) -> Verdict:
    """Does the gradient blow up on its way to the input, or from step to step?"""
    try:
        flows = [gradient_flow(run, view, output=False) for view in ("weight", "bias")]
        total = _total(gradient_flow(run, "all"))
    except FathomError as error:
        return NotEnough(str(error))
    answers = [*(_through_depth(flow) for flow in flows), _through_time(flows[0], total)]
    findings = [answer for answer in answers if isinstance(answer, Finding)]
    undecided = [answer for answer in answers if isinstance(answer, NotEnough)]
    return findings[0] if findings else answers[-1] if len(undecided) < 3 else undecided[-1]


def _total(flow: GradientFlow) -> NDArray[np.float64]:
    """The norm over all layers at each record; infinite where one was not finite."""
    squares: NDArray[np.float64] = np.nansum(np.square(flow.norm), axis=1)
    return np.sqrt(squares)


def _through_depth(flow: GradientFlow) -> Verdict:
    usable = np.flatnonzero(np.isfinite(flow.decay) & np.isfinite(flow.decay_low))[
        : int(LIMITS["window"])
    ]
    if flow.in_profile.sum() < LIMITS["layers"] or len(usable) < LIMITS["records"]:
        return NotEnough("too few layers with a finite gradient for a growth through depth")
    ratio, low, decay = (
        float(np.median(values[usable]))
        for values in (flow.first_to_last, flow.decay_low, flow.decay)
    )
    if not (ratio > LIMITS["first_to_last"] and low > LIMITS["decay_low"]):
        return None
    return Finding(
        disease="exploding_gradient",
        severity="error",
        symptom=(
            f"At the start of training the {flow.parameters} gradient grows by a factor of "
            f"{decay:.3g} a layer towards the input: the first layer receives {ratio:.2g} times "
            "what the last one does."
        ),
        cause=(
            "Each layer multiplies the gradient by more than 1: weights drawn too large, or "
            "residual branches that add up without normalisation."
        ),
        remedy=REMEDY,
        evidence=(
            Evidence("first layer / last layer", ratio, LIMITS["first_to_last"], "above"),
            Evidence("factor a layer, lower 95 % limit", low, LIMITS["decay_low"], "above"),
        ),
        layers=_largest(flow, usable),
        steps=(int(flow.steps[usable[0]]), int(flow.steps[usable[-1]])),
        confidence=succession(
            int((flow.first_to_last[usable] > LIMITS["first_to_last"]).sum()), len(usable)
        ),
        panel="gradient_flow",
    )


def _through_time(flow: GradientFlow, total: NDArray[np.float64]) -> Verdict:
    finite = np.isfinite(total)
    if not finite.any() or not finite[0]:
        return NotEnough("gradients are not finite from the first record on: nothing to compare")
    usual = _median_before(total)
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.where(finite & (usual > 0), total / usual, 0.0)
    peak = int(np.argmax(growth))
    if growth[peak] <= LIMITS["growth"]:
        return None
    lost = np.flatnonzero(~finite[peak:])
    end = peak + int(lost[0]) if len(lost) else peak
    outcome = f"; it is not finite from step {flow.steps[end]} on" if len(lost) else ""
    return Finding(
        disease="exploding_gradient",
        severity="error",
        symptom=(
            f"At step {flow.steps[peak]} the gradient's norm is {growth[peak]:.2g} times its usual "
            f"size{outcome}."
        ),
        cause=(
            "Steps overshoot and each makes the next gradient larger; or, where it happened but "
            "once, an extreme batch arrived."
        ),
        remedy=REMEDY,
        evidence=(
            Evidence("norm / median before", float(growth[peak]), LIMITS["growth"], "above"),
        ),
        layers=_largest(flow, np.array([peak])),
        steps=(int(flow.steps[peak]), int(flow.steps[end])),
        confidence=1 - LIMITS["growth"] / float(growth[peak]),
        panel="gradient_flow",
    )


def _median_before(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """At each record the median of the last hundred finite ones before; at the first, itself."""
    seen, usual = [total[0]], []
    for value in total:
        usual.append(np.median(seen[-100:]))
        seen += [value] if np.isfinite(value) else []
    return np.array(usual)


def _largest(flow: GradientFlow, window: NDArray[np.intp]) -> tuple[str, ...]:
    """The three layers with the largest gradient, worst first."""
    places = np.flatnonzero(flow.in_profile)
    rms = np.nanmedian(flow.rms[window][:, places], axis=0)
    return tuple(flow.layers[places[n]] for n in np.argsort(-rms)[:3])
