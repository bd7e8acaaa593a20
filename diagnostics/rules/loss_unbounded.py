"""The loss falls below its bound, and goes on falling.

**What it looks at.** The logged loss, where the function that it comes from cannot be negative, or
where it is far below zero in units of its beginning and falls as fast at the end as before.

**Why it is bad.** What has no floor is no goal: a part of the loss pays the model for growing.

**Where it comes from.** A penalty with the wrong sign; a reward without a limit; a likelihood of a
density whose width may shrink to nothing.

**What to do.** See that each term is bounded below:

    loss = cross_entropy + 1e-3 * sum(p.square().sum() for p in parameters)     # plus, not minus

**What it cannot see.** Losses that may be negative by right, as long as they settle.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.dive import Dive, dives
from diagnostics.signs.learning import Learning, learning
from diagnostics.thresholds import thresholds

LIMITS = thresholds("loss_unbounded")


def loss_unbounded(run: Run) -> Verdict:
    """Does the loss fall and fall, far below zero?"""
    progress = learning(run)
    if progress is None:
        return NotEnough("no training loss was logged")
    if len(progress.smooth) < LIMITS["values"] or not progress.finite:
        return NotEnough("fewer than twenty losses were logged, or the last are not finite")
    found = dives(progress)
    if found is None or found.depth <= LIMITS["depth"] or found.pace < LIMITS["still"]:
        return None
    return _finding(run, progress, found)


def _finding(run: Run, progress: Learning, found: Dive) -> Finding:
    below = np.flatnonzero(progress.values < 0)
    return Finding(
        disease="loss_unbounded",
        severity="error",
        symptom=(
            f"The loss fell from {progress.begin:.3g} to {progress.end:.3g}, and falls as fast as "
            "before."
        ),
        cause="A term of it has no lower bound: it pays for growth.",
        remedy=(
            "See that each term is bounded below, a penalty above all:\n"
            "    loss = cross_entropy + 1e-3 * penalty          # plus, not minus"
        ),
        evidence=(
            Evidence("depth below zero / first loss", found.depth, LIMITS["depth"], "above"),
            Evidence("fall in the last quarter / before", found.pace, LIMITS["still"], "above"),
        ),
        layers=(),
        steps=(int(progress.steps[below[0]]), run.last_step),
        confidence=0.9,
        panel="loss_curve",
    )
