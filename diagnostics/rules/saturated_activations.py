"""Units of tanh, sigmoid and their kin sit on the flat ends of their function.

**What it looks at.** Of every such layer inside the model, the share of outputs within 3 % of
either limit, at the start and at the end of the recording; and whether the training goes badly.
The last layer's function is left out: an answer that is sure of itself lies near a limit.

**Why it is bad.** Out there the slope is nearly zero, and no gradient passes: the layers before
hardly learn, and the units carry one bit each.

**Where it comes from.** Inputs that were not standardised, weights drawn too large, or steps so
large that they threw the weights there.

**What to do.** Standardise the inputs; draw smaller weights, or normalise before the function:

    nn.init.xavier_normal_(layer.weight, nn.init.calculate_gain("tanh"))
    nn.Linear(n, n), nn.LayerNorm(n), nn.Tanh()

**What it cannot see.** Functions that are called without a module of their own (torch.tanh), and
the gates inside of recurrent layers.

References: Glorot & Bengio 2010; Rakitianskaia & Engelbrecht 2015.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.run import Run
from diagnostics.signs.activity import Activity, activity, beginning, ending, usual
from diagnostics.signs.harm import harm
from diagnostics.thresholds import thresholds

LIMITS = thresholds("saturated_activations")
EXPLAINS = ("vanishing_gradient", "underfitting", "plateau", "no_signal", "lr_too_low")
TYPES = ("Tanh", "Sigmoid", "Hardtanh", "Hardsigmoid", "Softsign")


def saturated_activations(run: Run) -> Verdict:
    """Do hidden units sit where their function is flat?"""
    seen = activity(run)
    if seen is None:
        return NotEnough("outputs are not recorded; add probes.Activations() to the Recorder")
    hidden = _hidden(run, seen)
    if not hidden:
        return None
    if len(seen.steps) < LIMITS["records"]:
        return NotEnough(f"it has too few records so far: {len(seen.steps)}")
    flat = seen.flat[:, hidden]
    worst = _worst(flat)
    passed = np.flatnonzero(worst > LIMITS["share"])
    if not len(passed):
        return None
    return _finding(run, seen, hidden, int(np.argmax(worst)))


def _hidden(run: Run, seen: Activity) -> list[int]:
    """Functions with two flat ends that some layer with weights comes after."""
    weighty = {t.module for t in run.parameters.values() if t.role == "matrix"}
    depths = [output.depth for output in seen.outputs if output.module in weighty]
    last = max(depths, default=-1)
    return [n for n in seen.of_types(*TYPES) if seen.outputs[n].depth < last]


def _worst(flat: NDArray[np.float64]) -> NDArray[np.float64]:
    """[function]  the share at the start or at the end, whichever is larger."""
    windows = (beginning(len(flat)), ending(len(flat)))
    return np.fmax(*(usual(flat, window) for window in windows))


def _finding(run: Run, seen: Activity, hidden: list[int], place: int) -> Verdict:
    flat = seen.flat[:, hidden]
    told = harm(run)
    if told.is_known and not told.is_harm and np.median(flat[-3:, place]) < LIMITS["share"]:
        return None
    shows = np.flatnonzero(flat[:, place] > LIMITS["share"])
    share = float(_worst(flat)[place])
    layers = [seen.outputs[hidden[n]].module for n in np.argsort(-_worst(flat))]
    count = int((_worst(flat) > LIMITS["share"]).sum())
    return Finding(
        disease="saturated_activations",
        severity="error" if told.is_harm else "hint",
        symptom=(
            f"In '{layers[0]}' {share:.0%} of the outputs lie within 3 % of a limit of its "
            f"function, first at step {seen.steps[shows[0]]:,}"
            + (f"; so it is in {count} layers." if count > 1 else ".")
        ),
        cause=(
            "What goes into these functions is too large: inputs that are not standardised, "
            "weights drawn too large, or steps that made them so."
        ),
        remedy=(
            "Standardise the inputs, draw smaller weights, or normalise before the function:\n"
            '    nn.init.xavier_normal_(layer.weight, nn.init.calculate_gain("tanh"))\n'
            "    nn.Linear(n, n), nn.LayerNorm(n), nn.Tanh()"
        ),
        evidence=(Evidence("share near a limit", share, LIMITS["share"], "above"),),
        layers=tuple(layers[:count]),
        steps=(int(seen.steps[shows[0]]), int(seen.steps[shows[-1]])),
        confidence=succession(len(shows), len(seen.steps)),
        panel="activation_health",
    )
