"""The gradient grows geometrically on its way to the first layer, or suddenly in time.

**What it looks at.** At the start, in the layers before the output layer: the factor by which the
weight gradient, or the bias gradient, grows from one layer to the layer before it, with its 95 %
interval, and the first layer's over the last's. On whatever way, through time or along residual
branches: the first gradient times the weights over the loss, which is by how much a loss changes,
relatively, with its weights. Over time: the largest total norm against the median of what came
before it; and whether gradients stopped being finite after they had grown. In a training that goes
well all this is at most a hint.

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

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.gradient_flow import GradientFlow, gradient_flow
from diagnostics.run import FathomError, Run
from diagnostics.signs.harm import harm
from diagnostics.signs.learning import learning
from diagnostics.signs.recurrence import recurrences
from diagnostics.thresholds import thresholds

LIMITS = thresholds("exploding_gradient")
EXPLAINS = (
    *("nonfinite_loss", "lr_too_high", "weight_blowup", "dead_relu", "saturated_activations"),
    *("loss_spikes", "plateau", "underfitting", "no_signal", "label_noise", "bad_init_scale"),
)
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
    told = harm(run)
    answers = [
        *(_through_depth(flow) for flow in flows),
        _through_time(flows[0], total, LIMITS["harmed_growth" if told.is_harm else "growth"]),
        _at_once(run, flows[0], total) if told.is_harm else None,
        _to_the_past(run) if told.is_harm else None,
    ]
    findings = [answer for answer in answers if isinstance(answer, Finding)]
    if findings:
        return replace(findings[0], severity="hint") if told.is_fine else findings[0]
    undecided = [answer for answer in answers[:3] if isinstance(answer, NotEnough)]
    return answers[2] if len(undecided) < 3 else undecided[-1]


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


def _at_once(run: Run, flow: GradientFlow, total: NDArray[np.float64]) -> Verdict:
    """By how much the loss changes with its weights, relatively: 1 a layer in a sound network."""
    told = learning(run)
    finite = np.flatnonzero(np.isfinite(total) & (total > 0))
    if told is None or not len(finite) or "weights" not in run.series:
        return NotEnough("no loss was logged, or no weights were recorded")
    place, loss = int(finite[0]), abs(float(told.values[0]))
    sensitivity = float(total[place]) * _size_of_weights(run) / loss if loss > 0 else math.nan
    if not sensitivity > LIMITS["sensitivity"] or place >= LIMITS["window"]:
        return None
    return Finding(
        disease="exploding_gradient",
        severity="error",
        symptom=(
            f"At step {flow.steps[place]} the gradient is so large that a change of the weights "
            f"by a thousandth would change the loss {sensitivity / 1000:.2g}-fold."
        ),
        cause=(
            "On its way back the gradient is multiplied by more than 1 again and again: through "
            "time, along residual branches that add up, or by weights drawn too large."
        ),
        remedy=REMEDY,
        evidence=(
            Evidence("gradient * weights / loss", sensitivity, LIMITS["sensitivity"], "above"),
        ),
        layers=_largest(flow, np.array([place])),
        steps=(int(flow.steps[place]), int(flow.steps[place])),
        confidence=0.8,
        panel="gradient_flow",
    )


def _to_the_past(run: Run) -> Finding | None:
    """A layer that is called again and again multiplies by its weights each time."""
    worst = max(recurrences(run), key=lambda each: each.left, default=None)
    if worst is None or worst.left < LIMITS["past"]:
        return None
    first = int(run.steps("gradients")[0])
    return Finding(
        disease="exploding_gradient",
        severity="error",
        symptom=(
            f"The gradient grows {worst.left:.2g}-fold on its way to the past: over "
            f"{worst.times} steps or more of '{worst.layer}' ({worst.how})."
        ),
        cause=(
            "Each step back in time multiplies the gradient by the recurrent weights; here by more "
            "than 1."
        ),
        remedy=(
            "Begin with an orthogonal matrix, use gated cells, and clip the norm:\n"
            "    nn.init.orthogonal_(rnn.weight_hh_l0)\n"
            "    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
        ),
        evidence=(
            Evidence("gradient at the first step / last", worst.left, LIMITS["past"], "above"),
        ),
        layers=(worst.layer,),
        steps=(first, first),
        confidence=0.85,
        panel="gradient_flow",
    )


def _size_of_weights(run: Run) -> float:
    """The norm of all that learn, at the first record."""
    names = [name for name, tensor in run.parameters.items() if tensor.trainable]
    mean, std = (run.column("weights", kind, names)[0] for kind in ("mean", "std"))
    sizes = np.array([run.parameters[name].size for name in names])
    return float(np.sqrt(np.nansum((mean**2 + std**2) * sizes)))


def _through_time(flow: GradientFlow, total: NDArray[np.float64], limit: float) -> Verdict:
    finite = np.isfinite(total)
    if not finite.any() or not finite[0]:
        return NotEnough("gradients are not finite from the first record on: nothing to compare")
    usual = _median_before(total)
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.where(finite & (usual > 0), total / usual, 0.0)
    peak = int(np.argmax(growth))
    if growth[peak] <= limit:
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
        evidence=(Evidence("norm / median before", float(growth[peak]), limit, "above"),),
        layers=_largest(flow, np.array([peak])),
        steps=(int(flow.steps[peak]), int(flow.steps[end])),
        confidence=0.7 * (1 - limit / float(growth[peak])),  # most often it is a consequence
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
