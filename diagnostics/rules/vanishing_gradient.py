"""The gradient shrinks geometrically on its way from the loss to the first layer.

**What it looks at.** The rms of each layer's weight gradient, and of its bias gradient, in the
order of the forward pass; the factor from one layer to the layer before it, with its 95 %
interval; the first layer's over the last's. It fires when both are small, the whole interval
included, in most of the first records or of the last quarter of the run; and when the first layers
receive nothing at all while the last one does. Of recurrent layers, where next to nothing is
learnt: how far apart the gradients lie that a layer gets which is called at every step of a
sequence; of torch.nn.RNN, the eigenvalues of its matrix. In a training that goes well a fading
gradient is at most a hint.

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

**What it cannot see.** Networks with fewer than four layers; what dead rectifiers cut off, which is
`dead_relu`; gated cells, which are made to carry
a gradient, and sometimes do not.

References: Glorot & Bengio 2010; He et al. 2015; Hochreiter 1991.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.gradient_flow import GradientFlow, gradient_flow
from diagnostics.run import FathomError, Run
from diagnostics.signs.activity import silenced
from diagnostics.signs.harm import harm
from diagnostics.signs.recurrence import recurrences
from diagnostics.thresholds import thresholds

LIMITS = thresholds("vanishing_gradient")
EXPLAINS = ("lr_too_low", "plateau", "underfitting", "no_signal", "label_noise", "no_update")


def vanishing_gradient(run: Run) -> Verdict:
    """Does the gradient die on its way to the input, or to the past?"""
    try:
        flows = [gradient_flow(run, view) for view in ("weight", "bias")]
    except FathomError as error:
        return NotEnough(str(error))
    is_cut = bool(silenced(run))  # by rectifiers that are dead: that is another disease
    answers = [*(_judge(flow, is_cut=is_cut) for flow in flows), _through_time(run)]
    findings = [answer for answer in answers if isinstance(answer, Finding)]
    told = harm(run)
    if findings and told.is_fine:
        return replace(findings[0], severity="hint")
    return findings[0] if findings else answers[0]


def _through_time(run: Run) -> Finding | None:
    """In a training that learns next to nothing: recent inputs alone may be enough for a task."""
    told = harm(run)
    worst = next(iter(recurrences(run)), None)
    if worst is None or worst.left > LIMITS["past"] or not told.training > LIMITS["left"]:
        return None
    return Finding(
        disease="vanishing_gradient",
        severity="error",
        symptom=(
            f"The gradient fades towards the past: in '{worst.layer}', over {worst.times} steps or "
            f"more, {worst.left:.2g} of it is left ({worst.how})."
        ),
        cause=(
            "Each step back in time multiplies the gradient by the recurrent weights and the slope "
            "of the activation; here by less than 1. What was long ago is not learnt from."
        ),
        remedy=(
            "Use gated cells, begin with an orthogonal matrix, or shorten the way:\n"
            "    nn.GRU(n, m)\n"
            "    nn.init.orthogonal_(rnn.weight_hh_l0)"
        ),
        evidence=(
            Evidence("gradient at the first step / last", worst.left, LIMITS["past"], "below"),
        ),
        layers=(worst.layer,),
        steps=(1, run.last_step),
        confidence=0.8,
        panel="gradient_flow",
    )


def _judge(flow: GradientFlow, *, is_cut: bool) -> Verdict:
    if len(flow.steps) < LIMITS["records"]:
        return NotEnough(f"it has too few records so far: {len(flow.steps)}")
    if flow.in_profile.sum() < LIMITS["layers"]:
        return NotEnough(
            f"a decay takes {LIMITS['layers']:g} layers with a {flow.parameters} gradient; "
            f"it has {flow.in_profile.sum()}"
        )
    usable = ~np.isnan(flow.first_to_last) & np.isfinite(flow.first_to_last)
    if usable.sum() < LIMITS["records"]:
        return NotEnough("gradients that are exactly zero or not finite leave no ratio to judge")
    shows = usable & _starves(flow, is_cut=is_cut)
    start, end = _windows(flow, usable)
    early, late = (bool(np.median(shows[window]) > 0.5) for window in (start, end))
    # Exactly zero at the start may be an initialisation that means it: zeroed branches, say.
    if late or (early and (flow.first_to_last[start] > 0).all()):
        return _finding(flow, np.flatnonzero(shows), end if late else start, early, late)
    return None


def _starves(flow: GradientFlow, *, is_cut: bool) -> NDArray[np.bool_]:
    """Records at which the first layer gets next to nothing, and surely layer by layer."""
    small = flow.first_to_last < _ratio_limit(flow)
    geometric = flow.decay_high < LIMITS["decay_high"]  # False where there is no interval
    silent = (_silent(flow) >= LIMITS["silent_layers"]) & (not is_cut)
    return np.asarray(small & (geometric | silent))


def _silent(flow: GradientFlow) -> NDArray[np.int64]:
    """How many layers from the input on have a gradient of exactly zero, at each record."""
    zero = flow.rms[:, flow.in_profile] == 0
    silent: NDArray[np.int64] = np.cumprod(zero, axis=1).sum(axis=1)
    return silent


def _windows(
    flow: GradientFlow, usable: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Records at the start, and in the last quarter of the steps."""
    records, few = np.flatnonzero(usable), int(LIMITS["window"])
    late = int((flow.steps[records] > 0.75 * flow.steps[-1]).sum())
    return records[:few], records[-max(few, late) :]


def _ratio_limit(flow: GradientFlow) -> float:
    return LIMITS["first_to_last" if flow.parameters == "weight" else "bias_first_to_last"]


def _finding(
    flow: GradientFlow, shows: NDArray[np.intp], window: NDArray[np.intp], early: bool, late: bool
) -> Finding:
    first, last = int(flow.steps[shows[0]]), int(flow.steps[shows[-1]])
    when = "throughout" if early else f"from step {first:,} on"
    seen = np.intersect1d(shows, window)
    ratio = float(np.median(flow.first_to_last[seen]))
    return Finding(
        disease="vanishing_gradient",
        severity="error" if late else "warning",
        symptom=(
            f"The {flow.parameters} gradient fades towards the input: the first layer receives "
            f"{ratio:.2g} of what the last one does, "
            f"{when if late else 'at the start of training, and later recovers'}."
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
        evidence=_evidence(flow, seen, ratio),
        layers=_starved(flow, seen),
        steps=(first, last),
        confidence=succession(int(np.isin(window, shows).sum()), len(window)),
        panel="gradient_flow",
    )


def _evidence(flow: GradientFlow, seen: NDArray[np.intp], ratio: float) -> tuple[Evidence, ...]:
    first_to_last = Evidence("first layer / last layer", ratio, _ratio_limit(flow), "below")
    high = np.median(flow.decay_high[seen])
    if np.isfinite(high):
        factor = Evidence(
            "factor a layer, upper 95 % limit", float(high), LIMITS["decay_high"], "below"
        )
        return first_to_last, factor
    silent = float(np.median(_silent(flow)[seen]))
    return first_to_last, Evidence(
        "first layers with no gradient at all", silent, LIMITS["silent_layers"], "above"
    )


def _starved(flow: GradientFlow, seen: NDArray[np.intp]) -> tuple[str, ...]:
    """Layers that receive less than the limit's share of the last one's gradient, by depth."""
    places = np.flatnonzero(flow.in_profile)
    rms = np.nanmedian(flow.rms[seen][:, places], axis=0)
    return tuple(
        flow.layers[place]
        for place, size in zip(places, rms, strict=True)
        if size < _ratio_limit(flow) * rms[-1]
    )
