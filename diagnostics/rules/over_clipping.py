"""Nearly every gradient is clipped, and by a wide margin: clipping sets the step, not the gradient.

**What it looks at.** The norm of all gradients before clipping over that after it, at every
recorded step, and what is left of the loss. That most steps are clipped is no disease by itself:
language models are trained so.

**Why it is bad.** Each step has the same tiny length, whatever the loss needs. With plain SGD the
rate is in effect divided by the ratio.

**Where it comes from.** A threshold taken from another model, or meant for the value of an element
rather than for the norm of all.

**What to do.** Clip at about the 90th percentile of the norms, so that one step in ten is cut:

    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)

**What it cannot see.** Clipping by value, and by a function of your own.

Reference: Google's tuning playbook.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.thresholds import thresholds

LIMITS = thresholds("over_clipping")
EXPLAINS = (
    "lr_too_low",
    "plateau",
    "underfitting",
    "no_signal",
    "vanishing_gradient",
    "label_noise",
)
BEFORE, AFTER = "gradient_norm/before_clipping", "gradient_norm/after_clipping"


def over_clipping(run: Run) -> Verdict:
    """Is the gradient cut to a small part of itself, at the training's cost?"""
    if not {BEFORE, AFTER} <= set(run.scalar_names):
        return NotEnough("no clipping of the gradient's norm was seen")
    progress = learning(run)
    if progress is None:
        return NotEnough("gradients are clipped, and no training loss was logged to judge it by")
    before, after = run.scalar(BEFORE), run.scalar(AFTER)
    n = min(len(before.values), len(after.values))
    with np.errstate(divide="ignore", invalid="ignore"):
        cut = before.values[:n] / after.values[:n]
    cut = cut[np.isfinite(cut)]
    if len(cut) < LIMITS["records"]:
        return NotEnough(f"only {len(cut)} clipped steps are recorded so far")
    ratio, share = float(np.median(cut)), float((cut > 1.01).mean())
    harmed = not progress.is_lost and progress.left > LIMITS["left"]
    if not harmed or ratio <= LIMITS["ratio"] or share <= LIMITS["share"]:
        return None
    return Finding(
        disease="over_clipping",
        severity="error",
        symptom=(
            f"{share:.0%} of the gradients are clipped, by a factor of {ratio:.3g}; "
            f"{progress.left:.0%} of the loss is left."
        ),
        cause="The threshold lies far below the norm that gradients usually have here.",
        remedy=(
            "Raise it to the 90th percentile of the norms before clipping:\n"
            f"    torch.nn.utils.clip_grad_norm_(parameters, {np.quantile(before.values, 0.9):.2g})"
        ),
        evidence=(
            Evidence("norm before clipping / after", ratio, LIMITS["ratio"], "above"),
            Evidence("share of steps clipped", share, LIMITS["share"], "above"),
            Evidence("share of the loss left", progress.left, LIMITS["left"], "above"),
        ),
        layers=(),
        steps=(int(before.steps[0]), int(before.steps[-1])),
        confidence=0.95,
        panel="gradient_flow",
    )
