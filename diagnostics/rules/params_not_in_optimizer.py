"""Parameters that would train are held by no optimizer: they never move.

**What it looks at.** Who holds which parameter, as the recording notes it. Without that: parameters
whose gradient arrives at every record and whose weights are the same to the last bit at the first
record and at the last.

**Why it is bad.** The layer stays as it was drawn, while the rest trains around it; its gradients
are computed for nothing, and as `optimizer.zero_grad()` does not reach them, they pile up.

**Where it comes from.** The optimizer was built before a layer was added, replaced or loaded anew;
or was given the parameters of a part of the model, or those of another model.

**What to do.** Build the optimizer last, from all parameters:

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

A part that is meant to stay says so itself: `part.requires_grad_(False)`.

**What it cannot see.** Parameters held by an optimizer whose rate is zero.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.settings import settings
from diagnostics.signs.stillness import stillness
from diagnostics.thresholds import thresholds

LIMITS = thresholds("params_not_in_optimizer")
EXPLAINS = (
    *("no_update", "lr_too_low", "plateau", "underfitting", "no_signal", "zero_grad_missing"),
    *("exploding_gradient", "frozen_parameters", "saturated_activations", "dead_relu"),
    "label_noise",
)


def params_not_in_optimizer(run: Run) -> Verdict:
    """Does every parameter that requires a gradient belong to an optimizer?"""
    still = stillness(run)
    if still is None:
        return NotEnough("weights or gradients are not recorded, or at a single step only")
    told = settings(run)
    known = bool(told) and "held" in told[-1].state
    left_out = [n for n in still.unmoved if not known or told[-1].flag("held", n) is False]
    sizes = {name: tensor.size for name, tensor in run.parameters.items()}
    share = sum(sizes[name] for name in left_out) / max(1, sum(sizes.values()))
    if share <= LIMITS["share"]:
        return None
    return _finding(run, tuple(left_out), share, known=known)


def _finding(run: Run, names: tuple[str, ...], share: float, *, known: bool) -> Finding:
    layers = tuple(dict.fromkeys(run.parameters[name].module or "(model)" for name in names))
    steps = run.steps("gradients")
    return Finding(
        disease="params_not_in_optimizer",
        severity="error",
        symptom=(
            f"{len(names)} parameters, {share:.0%} of all, require a gradient and get one, and "
            "have not moved since the first record."
        ),
        cause=(
            "No optimizer that is recorded holds them."
            if known
            else "The optimizer does not hold them: it was built before they were, or for others."
        ),
        remedy=(
            "Build the optimizer after the model is complete, from all its parameters:\n"
            "    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)"
        ),
        evidence=(Evidence("share of all weights", share, LIMITS["share"], "above"),),
        layers=layers,
        steps=(int(steps[0]), int(steps[-1])),
        confidence=1.0 if known else float(np.clip(1 - 1 / len(steps), 0.5, 0.99)),
        panel="update_ratios",
    )
