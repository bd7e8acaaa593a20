"""No weight has moved since the beginning.

**What it looks at.** The moments, least and greatest value of every parameter that gets a
gradient, at the first record and at every later one.

**Why it is bad.** Nothing is learnt, however long it goes on.

**Where it comes from.** An optimizer of another model; a rate of zero; a loop that never comes to
`optimizer.step()`, or whose GradScaler leaves out every step.

**What to do.** See that the optimizer holds this model's parameters, and that its rate is not zero:

    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss.backward();   optimizer.step();   optimizer.zero_grad()

**What it cannot see.** Why; where that is known, the cause is named in its place.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.stillness import stillness
from diagnostics.thresholds import thresholds

LIMITS = thresholds("no_update")
EXPLAINS = ("plateau", "underfitting", "no_signal", "lr_too_low")


def no_update(run: Run) -> Verdict:
    """Does anything move?"""
    still = stillness(run)
    if still is None or not still.driven:
        return NotEnough("no finite gradients and weights are recorded, or at a single step only")
    share = len(still.unmoved) / len(still.driven)
    if share < LIMITS["share"]:
        return None
    steps = run.steps("weights")
    return Finding(
        disease="no_update",
        severity="error",
        symptom=f"None of the {len(still.driven)} parameters that get a gradient has moved.",
        cause="The optimizer does not change this model's weights.",
        remedy=(
            "Give the optimizer this model's parameters and a rate above zero:\n"
            "    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)"
        ),
        evidence=(Evidence("share of parameters that stay", share, LIMITS["share"], "above"),),
        layers=(),
        steps=(int(steps[0]), int(steps[-1])),
        confidence=1.0,
        panel="update_ratios",
    )
