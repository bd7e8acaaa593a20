"""The model is shown the answer: it reads what it is asked to predict.

**What it looks at.** Where the targets are the inputs, one place on: whether the answer at a place
changes when only what comes after it does. Where the targets are the very inputs: whether an answer
sees nothing that comes later, which makes it a copy; an autoencoder sees it all.

**Why it is bad.** The loss falls far below what can be known, on validation data too. In use, where
the future is not there to be read, nothing of it is left.

**Where it comes from.** A causal mask that is missing or one place off; targets that were not
shifted; a bidirectional layer in a model that predicts what comes next.

**What to do.** Mask the future, and predict the next token:

    functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    inputs, targets = tokens[:, :-1], tokens[:, 1:]

**What it cannot see.** A column of a table that was computed from the target.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.settings import facts
from diagnostics.thresholds import thresholds

LIMITS = thresholds("target_leakage")
EXPLAINS = ("loss_too_good", "train_val_leakage")


def target_leakage(run: Run) -> Verdict:
    """Does an answer depend on what comes after it?"""
    told = facts(run, "foresight")
    if not told:
        return NotEnough("the model is not seen to predict the next of a sequence of tokens")
    step, fact = told[0]
    change, unshifted = float(fact["change"]), fact["shift"] == 0
    if (change > LIMITS["change"]) is unshifted:
        return None  # it is to predict what it was given: an autoencoder, which sees all of it
    return Finding(
        disease="target_leakage",
        severity="error",
        symptom=(
            "The targets are the very inputs: the answer is there to be copied."
            if unshifted
            else f"Answers change by {change:.2g} of their size when only later tokens change."
        ),
        cause=(
            "The targets were not shifted."
            if unshifted
            else "A causal mask is missing or wrong: each place sees what it is to predict."
        ),
        remedy=(
            "Mask the future, and shift the targets:\n"
            "    functional.scaled_dot_product_attention(q, k, v, is_causal=True)\n"
            "    inputs, targets = tokens[:, :-1], tokens[:, 1:]"
        ),
        evidence=(
            Evidence(
                "change of earlier answers",
                change,
                LIMITS["change"],
                "below" if unshifted else "above",
            ),
        ),
        layers=(),
        steps=(step, step),
        confidence=0.99,
        panel="loss_curve",
    )
