"""Layers take part in the forward pass, and no gradient ever comes back to them.

**What it looks at.** Parameters that require a gradient and never got one, in modules that did run,
while layers after them got theirs.

**Why it is bad.** These layers stay as they were drawn: the loss cannot reach them.

**Where it comes from.** Something on the way cuts the graph: `detach()`, `.data`, `.item()`, a
round trip through numpy, `torch.no_grad()` around a part, an integer or an argmax in between.

**What to do.** Keep the way from the parameters to the loss in torch's operations:

    features = self.encoder(x)                 # no .detach(), .data, .numpy(), no_grad()
    return self.head(features)

A part that is meant to stay says so itself: `part.requires_grad_(False)`.

**What it cannot see.** Layers at the end whose outputs nobody uses, which are let be; a cut that
lets another way through.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.reach import Unreached, unreached
from diagnostics.thresholds import thresholds

LIMITS = thresholds("graph_detached")
EXPLAINS = ("underfitting", "plateau", "no_update", "no_signal", "vanishing_gradient")


def graph_detached(run: Run) -> Verdict:
    """Does a gradient reach every layer that runs before one that learns?"""
    found = unreached(run)
    if found is None:
        return NotEnough("gradients are not recorded, or no layer was seen to run")
    if found.records < LIMITS["records"] or len(found.layers) <= LIMITS["layers"]:
        return None
    return _finding(run, found)


def _finding(run: Run, found: Unreached) -> Finding:
    steps = run.steps("gradients")
    return Finding(
        disease="graph_detached",
        severity="error",
        symptom=(
            f"{len(found.layers)} layers that require a gradient ran in the forward pass, before "
            f"layers that learn, and got none in {found.records} records."
        ),
        cause=(
            "The graph is cut behind them: by detach(), no_grad(), .data, .item() or numpy on the "
            "way to the loss."
        ),
        remedy=(
            "Keep the way to the loss in torch's operations:\n"
            "    return self.head(self.encoder(x))     # no .detach(), .data, no_grad()"
        ),
        evidence=(
            Evidence("layers without a gradient", len(found.layers), LIMITS["layers"], "above"),
        ),
        layers=found.layers,
        steps=(int(steps[0]), int(steps[-1])),
        confidence=1 - 1 / (found.records + 1),
        panel="gradient_flow",
    )
