"""Weights start far from the scale that carries a signal through the layers.

**What it looks at.** The size of the weights before the first step, as a gain: their rms times
the root of the number of inputs; 1 to 1.4 keeps a signal's size, 0.58 is torch's default. How the
outputs grow or shrink from the first layer to the last hidden one at the first step. And, where
the last layer's weights are large, how far the first loss lies above chance. Finally whether the
training goes badly.

**Why it is bad.** Signals and gradients are multiplied by the gain in every layer: they fade or
explode, functions saturate, and a loss that begins at a hundred times chance spends the run on
making weights smaller.

**Where it comes from.** Weights drawn from one fixed standard deviation whatever the width.

**What to do.** Draw them for the function that follows:

    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")     # rectifiers
    nn.init.xavier_normal_(layer.weight)                           # tanh, sigmoid, none

**What it cannot see.** Layers with fewer than eight inputs. Weights too small in a model with
normalisations, which make up for them.

References: Glorot & Bengio 2010; He et al. 2015; Saxe et al. 2014.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.activity import activity
from diagnostics.signs.harm import harm
from diagnostics.signs.learning import learning
from diagnostics.signs.movement import movement
from diagnostics.thresholds import thresholds

LIMITS = thresholds("bad_init_scale")
EXPLAINS = (
    *("dead_relu", "underfitting", "plateau", "no_signal", "lr_too_low", "lr_too_high"),
    *("weight_blowup", "saturated_activations", "label_noise", "loss_spikes"),
)
REMEDY = (
    "Draw the weights for the function that follows:\n"
    '    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")   # rectifiers\n'
    "    nn.init.xavier_normal_(layer.weight)                         # tanh, sigmoid, none"
)


@dataclass(frozen=True)
class Start:
    """Weights before the first step, as bounds: what was recorded came after it."""

    step: int
    layers: tuple[str, ...]  # with a matrix of enough inputs, in the order of the forward pass
    least: NDArray[np.float64]  # [layer]  gain
    most: NDArray[np.float64]  # [layer]
    growth: float  # rms of the last hidden layer's output over the first's; NaN if not known


def bad_init_scale(run: Run) -> Verdict:
    """Were the weights drawn far too large, or far too small?"""
    start = _start(run)
    if start is None:
        return NotEnough("weights and updates of the first step are not recorded")
    if not len(start.layers):
        return None
    if not harm(run).is_harm:
        return None
    # A normalisation makes up for weights that are too small.
    rescaled = any(tensor.role == "norm" for tensor in run.parameters.values())
    return _large(run, start) or (None if rescaled else _small(start))


def _start(run: Run) -> Start | None:
    told = movement(run)
    if told is None or not len(told.steps):
        return None
    tensors = run.parameters
    fans = {n: tensors[n].size // int(tensors[n].shape.split("x")[0]) for n in told.names}
    chosen = [
        n
        for n, name in enumerate(told.names)
        if tensors[name].role == "matrix"
        and fans[name] >= LIMITS["inputs"]
        and told.weight[0, n] > 0
    ]
    names = [told.names[n] for n in chosen]
    roots = np.sqrt([fans[name] for name in names])
    weight, update = told.weight[0, chosen], np.nan_to_num(told.update[0, chosen])
    return Start(
        int(told.steps[0]),
        tuple(tensors[name].module for name in names),
        np.maximum(weight - update, 0) * roots,
        (weight + update) * roots,
        _growth(run),
    )


def _growth(run: Run) -> float:
    """Of outputs of layers with a weight matrix, the last left out."""
    seen = activity(run)
    if seen is None or not len(seen.steps):
        return float("nan")
    weighty = {t.module for t in run.parameters.values() if t.role == "matrix"}
    rms = np.array(
        [seen.rms[0, n] for n, output in enumerate(seen.outputs) if output.module in weighty]
    )[:-1]
    rms = rms[np.isfinite(rms) & (rms > 0)]
    return float(rms[-1] / rms[0]) if len(rms) > 1 else float("nan")


def _large(run: Run, start: Start) -> Finding | None:
    typical = float(np.median(start.least))
    gain = Evidence("gain of a typical layer", typical, LIMITS["large"], "above")
    if typical > LIMITS["large"] and len(start.layers) > 1:
        return _finding(start, "large", gain)
    if start.growth > LIMITS["growth"]:
        growth = Evidence("last hidden / first", start.growth, LIMITS["growth"], "above")
        return _finding(start, "large", growth)
    last, told = float(start.least[-1]), learning(run)
    if told is not None and last > LIMITS["large"]:
        first = float(told.values[0] / told.chance)
        if first > LIMITS["first_loss"]:
            loss = Evidence("first loss / chance", first, LIMITS["first_loss"], "above")
            head = Evidence("gain of the last layer", last, LIMITS["large"], "above")
            return _finding(start, "large", loss, head)
    return None


def _small(start: Start) -> Finding | None:
    typical = float(np.median(start.most))
    if typical < LIMITS["small"]:
        gain = Evidence("gain of a typical layer", typical, LIMITS["small"], "below")
        return _finding(start, "small", gain)
    if start.growth < LIMITS["shrink"]:
        shrink = Evidence("last hidden / first", start.growth, LIMITS["shrink"], "below")
        return _finding(start, "small", shrink)
    return None


def _finding(start: Start, which: str, *evidence: Evidence) -> Finding:
    proof = evidence[0]
    is_large = which == "large"
    order = np.argsort(-start.least if is_large else start.most)
    effect = "signals and gradients explode, or functions saturate" if is_large else "they fade"
    return Finding(
        disease="bad_init_scale",
        severity="error",
        symptom=(
            f"The weights start too {which}: {proof.name} is {proof.value:.3g} at step "
            f"{start.step}, and the training goes badly."
        ),
        cause=(
            f"Every layer multiplies signals and gradients by the gain of its weights; so far "
            f"from 1, {effect} from layer to layer."
        ),
        remedy=REMEDY,
        evidence=tuple(evidence),
        layers=tuple(start.layers[n] for n in order[:5]),
        steps=(start.step, start.step),
        # Of other signs than weights too small, what they lead to is told with more certainty.
        confidence=0.95 if proof.passes == "below" and "gain" in proof.name else 0.7,
        panel="signal_depth",
    )
