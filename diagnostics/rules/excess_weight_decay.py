"""Weight decay outweighs the loss: the weights wither.

**What it looks at.** What decay takes from a weight at each step beside what the gradient gives,
how the weights' size changes over the run, and what is left of the loss.

**Why it is bad.** The weights settle where decay and gradient balance, far below the size that the
task needs; in the end they are all zero.

**Where it comes from.** A slip by a factor of ten to a thousand; a value for SGD's L2 given to
AdamW, which multiplies it by the rate alone.

**What to do.** A tenth to a thousandth of it, and none for biases and normalisations:

    torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)

**What it cannot see.** A penalty that is written into the loss.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.decay import Decay, decay
from diagnostics.signs.learning import Learning, learning
from diagnostics.thresholds import thresholds

LIMITS = thresholds("excess_weight_decay")
EXPLAINS = (
    *("underfitting", "plateau", "vanishing_gradient", "dead_relu", "lr_too_low", "no_signal"),
    *("lr_too_high", "saturated_activations"),
    "label_noise",
)


def excess_weight_decay(run: Run) -> Verdict:
    """Does decay beat the gradient?"""
    found, progress = decay(run), learning(run)
    if found is None:
        return NotEnough("the optimizer's decay, the weights or the gradients are not recorded")
    if progress is None:
        return NotEnough("no training loss was logged")
    if found.coefficient <= 0 or progress.is_lost or not progress.left > LIMITS["left"]:
        return None
    withers = found.shrunk < LIMITS["shrunk"]
    outweighs = found.against_gradient > LIMITS["against_gradient"]
    rules = found.shrunk < 1 and found.against_gradient > LIMITS["by_far"]
    return _finding(run, found, progress) if (withers and outweighs) or rules else None


def _finding(run: Run, found: Decay, progress: Learning) -> Finding:
    return Finding(
        disease="excess_weight_decay",
        severity="error",
        symptom=(
            f"The weights shrink to {found.shrunk:.2g} of their first size, and "
            f"{progress.left:.0%} of the loss is left."
        ),
        cause=(
            f"Weight decay {found.coefficient:g} takes {found.against_gradient:.2g} times what "
            "the gradient gives."
        ),
        remedy=(
            "Divide it by 10 to 1000, and spare biases and normalisations:\n"
            f"    weight_decay={found.coefficient / 100:.1g}"
        ),
        evidence=tuple(e for e in _measured(found, progress) if e.has_passed),
        layers=(),
        steps=(found.first, run.last_step),
        confidence=float(np.clip(1 - progress.left / 20, 0.5, 0.95)),
        panel="update_ratios",
    )


def _measured(found: Decay, progress: Learning) -> tuple[Evidence, ...]:
    against = found.against_gradient
    return (
        Evidence("weights, last / first", found.shrunk, LIMITS["shrunk"], "below"),
        Evidence("decay / gradient", against, LIMITS["against_gradient"], "above"),
        Evidence("share of the loss left", progress.left, LIMITS["left"], "above"),
    )
