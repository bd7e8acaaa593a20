"""A generator makes nearly the same sample whatever it is given.

**What it looks at.** Where several optimizers train parts of one model against one another: how
much the generator's samples differ from one another, column by column, relative to how much all
their elements differ: usually in the second half of the recording, and at its worst moment there.

**Why it is bad.** The generator has found one sample that fools the critic of the moment. The
critic learns it, the generator moves on to another; neither comes nearer to the data.

**Where it comes from.** A generator whose rate is too high against the critic's, a critic that is
too weak or whose gradient nothing smooths, losses that reward no variety.

**What to do.** Penalise the critic's gradient, balance the rates, let the critic see many samples
at once:

    penalty = torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0].square().sum(1).mean()
    torch.optim.Adam(critic.parameters(), 4e-4);   torch.optim.Adam(generator.parameters(), 1e-4)

**What it cannot see.** A generator that makes several kinds of samples, and not all there are:
what the data are like is not known here. Images are compared channel by channel.

References: Goodfellow 2016; Salimans et al. 2016; Mescheder et al. 2018; Heusel et al. 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.run import Run
from diagnostics.signs.answers import Spread, judged_by, variety
from diagnostics.signs.harm import optimizers
from diagnostics.thresholds import thresholds

LIMITS = thresholds("mode_collapse")
EXPLAINS = ("dead_relu", "vanishing_gradient")


def mode_collapse(run: Run) -> Verdict:
    """Are a generator's samples all the same?"""
    if optimizers(run) < LIMITS["players"] or judged_by(run):
        return None
    seen = variety(run)
    if seen is None:
        return NotEnough("answers are not recorded; add probes.Answers() to the Recorder")
    if len(seen.steps) < LIMITS["records"]:
        return NotEnough("too few records of the generator's samples so far")
    late = seen.values[_settled(seen)]
    if np.median(late) < LIMITS["spread"] or late.min() < LIMITS["worst"]:
        return _finding(seen, late)
    return None


def _settled(seen: Spread) -> NDArray[np.bool_]:
    """Untrained generators make samples that are alike, too."""
    late = seen.steps > seen.steps[-1] / 2
    late[-int(LIMITS["late"]) :] = True
    return np.asarray(late)


def _finding(seen: Spread, late: NDArray[np.float64]) -> Finding:
    usual, least = float(np.median(late)), float(late.min())
    low = seen.values < LIMITS["spread"]
    low[: int(LIMITS["late"])] = False
    proof = (
        Evidence("spread of samples", usual, LIMITS["spread"], "below"),
        Evidence("spread of samples at its least", least, LIMITS["worst"], "below"),
    )
    steps = seen.steps[low]
    return Finding(
        disease="mode_collapse",
        severity="error",
        symptom=(
            f"What the generator makes differs from sample to sample by {usual:.2g}, at least "
            f"{least:.2g}, of the spread of all numbers in it, first at step {steps[0]:,}."
        ),
        cause=(
            "It has found a sample that fools the critic of the moment, and makes little else: "
            "the critic is too weak or too slow for it, and nothing rewards variety."
        ),
        remedy=(
            "Penalise the critic's gradient, and give the critic the larger rate:\n"
            "    grad, = torch.autograd.grad(critic(x).sum(), x, create_graph=True)\n"
            "    loss = loss + 5 * grad.square().sum(1).mean()"
        ),
        evidence=tuple(part for part in proof if part.value < part.threshold),
        layers=(),
        steps=(int(steps[0]), int(steps[-1])),
        confidence=succession(int((late < LIMITS["spread"]).sum()), len(late)),
        panel="gradient_flow",
    )
