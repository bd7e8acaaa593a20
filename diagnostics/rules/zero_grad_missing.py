"""Gradients are not cleared between steps: each step adds to all that came before.

**What it looks at.** Whether a gradient is the same tensor from one step to the next, changed by
backward passes alone. No gradient is compared by its values.

**Why it is bad.** The optimizer moves along the sum of all gradients since the beginning: as
momentum that never fades. Steps grow, and overshoot.

**Where it comes from.** `optimizer.zero_grad()` is missing from the loop, is called for another
optimizer, or stands between `backward()` and `step()`'s next round at the wrong level of a loop.

**What to do.** Clear them once a step:

    loss.backward()
    optimizer.step()
    optimizer.zero_grad()

**What it cannot see.** Gradients that are cleared now and then, too seldom: up to half of the steps
it takes for accumulation that is meant.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.thresholds import thresholds

LIMITS = thresholds("zero_grad_missing")
EXPLAINS = (
    *("lr_too_high", "exploding_gradient", "loss_spikes", "weight_blowup", "nonfinite_loss"),
    *("stale_momentum", "dead_relu", "saturated_activations", "plateau", "underfitting"),
    *("overfitting", "vanishing_gradient", "no_signal"),
    "label_noise",
)
KEPT = "gradients/kept"


def zero_grad_missing(run: Run) -> Verdict:
    """Are gradients cleared between steps?"""
    if KEPT not in run.scalar_names:
        return NotEnough("whether gradients are cleared is not recorded; add probes.Clearing()")
    told = run.scalar(KEPT)
    if len(told.values) < LIMITS["windows"]:
        return NotEnough(f"only {len(told.values)} steps were watched for it so far")
    share = float(told.values.mean())
    if share <= LIMITS["share"]:
        return None
    return Finding(
        disease="zero_grad_missing",
        severity="error",
        symptom=(
            f"In {share:.0%} of {len(told.values)} steps that were watched, the gradients of the "
            "step before were still there and were added to."
        ),
        cause="optimizer.zero_grad() is not called between the steps.",
        remedy=(
            "Clear the gradients once a step:\n"
            "    loss.backward()\n"
            "    optimizer.step()\n"
            "    optimizer.zero_grad()"
        ),
        evidence=(Evidence("share of steps", share, LIMITS["share"], "above"),),
        layers=(),
        steps=(int(told.steps[0]), int(told.steps[-1])),
        confidence=1.0,
        panel="gradient_flow",
    )
