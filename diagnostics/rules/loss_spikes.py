"""The loss jumps up now and then, and comes back.

**What it looks at.** Losses far above the median of the forty before them, in medians of their
spread and in units of what guessing costs. Of the jump at a warm restart, or at a batch somewhat
harder than the rest, nothing is said.

**Why it is bad.** Each jump undoes what many steps have learnt; one too many does not come back.

**Where it comes from.** A few examples far from all others; a rate at the edge of what is stable;
Adam's second moment that has become small while gradients were.

**What to do.** Look at the batches of these steps; clip the gradient, and lower the rate:

    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)

**What it cannot see.** Jumps between the steps that were logged.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.spikes import spikes
from diagnostics.thresholds import thresholds

LIMITS = thresholds("loss_spikes")


def loss_spikes(run: Run) -> Verdict:
    """Does the loss jump, more than once, by much of what it was at first?"""
    found = spikes(run)
    if found is None:
        return NotEnough("fewer than forty training losses were logged")
    high = found.heights > LIMITS["height"]
    often = len(found.steps) > LIMITS["often"] * run.last_step
    highest = LIMITS["highest_often" if often else "highest"]
    if high.sum() < LIMITS["jumps"] or not found.heights.max() > highest:
        return None
    steps, heights = found.steps[high], found.heights[high]
    named = ", ".join(f"{step:,}" for step in steps[:5].tolist())
    return Finding(
        disease="loss_spikes",
        severity="error",
        symptom=(
            f"The loss jumps {len(steps)} times, at steps {named}{' …' if len(steps) > 5 else ''}, "
            f"by up to {heights.max():.2g} times what guessing costs."
        ),
        cause="Single batches throw the weights off: outliers, or a rate at the edge.",
        remedy=(
            "Look at these batches; clip the gradient, lower the rate:\n"
            "    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
        ),
        evidence=(
            Evidence("jumps", float(len(steps)), LIMITS["jumps"], "above"),
            Evidence("highest / guessing", float(heights.max()), highest, "above"),
        ),
        layers=(),
        steps=(int(steps[0]), int(steps[-1])),
        confidence=0.8,
        panel="loss_curve",
    )
