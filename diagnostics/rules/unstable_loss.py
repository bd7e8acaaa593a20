"""The loss's own formula under- or overflows: what the model gave was finite.

**What it looks at.** The black box's report, where the first thing that is not finite is the loss
itself, or its slope at finite answers.

**Why it is bad.** The model is sound, and a sure answer is enough to end the training.

**Where it comes from.** The logarithm of a probability that has become 0, an exponential of a large
logit, a root or a division at 0, written by hand.

**What to do.** Use the forms that take logits, and shift them before they are raised:

    functional.cross_entropy(logits, y)                          # not -log(softmax(logits))
    functional.binary_cross_entropy_with_logits(logits, y)       # not log(sigmoid(logits))
    torch.logsumexp(scores, -1)                                  # not log(exp(scores).sum(-1))

**What it cannot see.** A formula inside the model: `nonfinite_loss` names the place.
"""

from __future__ import annotations

from diagnostics.black_box import black_box
from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.thresholds import thresholds

LIMITS = thresholds("unstable_loss")
EXPLAINS = ("nonfinite_loss", "loss_spikes", "exploding_gradient")


def unstable_loss(run: Run) -> Verdict:
    """Is the loss the first that is not finite?"""
    box = black_box(run)
    if box is None:
        return None if run.records else NotEnough("nothing is recorded yet")
    if box.where != "loss" or box.is_passing:
        return None
    bad = float(max(box.bad, 1))
    return Finding(
        disease="unstable_loss",
        severity="error",
        symptom=box.summary,
        cause="The model's answers are finite; the loss's formula, or its slope, is not for them.",
        remedy=(
            "Use the forms that take logits:\n"
            "    functional.cross_entropy(logits, y)               # not -log(softmax(logits))\n"
            "    torch.logsumexp(scores, -1)                       # not log(exp(scores).sum(-1))"
        ),
        evidence=(Evidence("elements not finite", bad, LIMITS["elements"], "above"),),
        layers=box.layers,
        steps=(box.step, max(box.step, run.last_step)),
        confidence=0.95,
        panel="loss_curve",
    )
