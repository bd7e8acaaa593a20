"""A backward of your own disagrees with its forward.

**What it looks at.** The slope of each module with an `autograd.Function` of yours, once by finite
differences of its forward and once by its backward, in several random directions.

**Why it is bad.** The optimizer follows a gradient that is not the loss's: it may help for a while,
or lead anywhere.

**Where it comes from.** A tensor saved before instead of after; a factor or a transpose missed; an
in-place change of what was saved.

**What to do.** Mend the backward, and let torch check it in double precision:

    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(Function.apply, x)

**What it cannot see.** Gradients that are changed by hooks, or wrong in a compiled extension that
is no `autograd.Function`. An estimator that passes a gradient through a step whose slope is zero
does so on purpose, and so does a function that gives on what it was given and turns the gradient.
"""

from __future__ import annotations

from typing import Any

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.settings import facts
from diagnostics.thresholds import thresholds

LIMITS = thresholds("wrong_gradient")
EXPLAINS = (
    *("lr_too_high", "exploding_gradient", "loss_spikes", "nonfinite_loss", "weight_blowup"),
    *("underfitting", "plateau", "saturated_activations", "vanishing_gradient", "no_signal"),
)


def wrong_gradient(run: Run) -> Verdict:
    """Is every backward of the user's the derivative of its forward?"""
    told = facts(run, "backward")
    if not told:
        return None if "gradients" in run.series else NotEnough("gradients are not recorded")
    wrong = [
        (step, fact)
        for step, fact in told
        if float(fact["error"]) > LIMITS["error"] and not _is_meant(fact)
    ]
    return _finding(*max(wrong, key=lambda each: float(each[1]["error"]))) if wrong else None


def _is_meant(fact: dict[str, Any]) -> bool:
    """A step's slope is zero, and who gives on what he was given writes it for its backward."""
    return float(fact["slope"]) == 0 or bool(fact.get("identity"))


def _finding(step: int, fact: dict[str, Any]) -> Finding:
    error = float(fact["error"])
    return Finding(
        disease="wrong_gradient",
        severity="error",
        symptom=(
            f"The backward of {fact['function']}, in '{fact['module']}', is off by {error:.2g} of "
            f"the slope of its forward ({fact['derivative']:.3g} for {fact['slope']:.3g})."
        ),
        cause="It is not the derivative of its forward.",
        remedy=(
            "Mend it, and let torch check it in double precision:\n"
            "    x = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)\n"
            "    torch.autograd.gradcheck(Function.apply, x)"
        ),
        evidence=(Evidence("relative error of the slope", error, LIMITS["error"], "above"),),
        layers=(str(fact["module"]),),
        steps=(step, step),
        confidence=0.99,
        panel="gradient_flow",
    )
