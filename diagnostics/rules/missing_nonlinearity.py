"""Layers with weights follow one another without a function between them.

**What it looks at.** Which layer's very output is given to which, seen through dropout, batch
normalisation and reshaping: chains of linear layers or convolutions with nothing in between. And
whether the training goes badly.

**Why it is bad.** Two linear maps in a row are one linear map: the model has the parameters of a
deep network and the power of a shallow one, or of a line.

**Where it comes from.** A forgotten activation; one that was replaced by nn.Identity.

**What to do.** Put one between:

    nn.Linear(n, m), nn.ReLU(), nn.Linear(m, k)

**What it cannot see.** Functions by hand: where one is called on a layer's output, that output is
not what the next layer gets, and nothing is said. A narrow layer between two wide ones is a
factorisation on purpose and is let be, and so are grouped convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.harm import harm
from diagnostics.signs.linearity import linearity
from diagnostics.thresholds import thresholds

LIMITS = thresholds("missing_nonlinearity")
EXPLAINS = ("underfitting", "plateau", "lr_too_low", "no_signal")


def missing_nonlinearity(run: Run) -> Verdict:
    """Do linear layers follow one another?"""
    found = linearity(run)
    if found is None:
        return NotEnough("which layer feeds which is not recorded; add probes.Wiring()")
    if not found.bare or not harm(run).is_harm or found.share < LIMITS["share"]:
        return None
    return _finding(found.bare, found.share)


def _finding(bare: Sequence[tuple[str, str]], share: float) -> Finding:
    first, second = bare[0]
    others = f", and so it is at {len(bare)} places" if len(bare) > 1 else ""
    return Finding(
        disease="missing_nonlinearity",
        severity="error",
        symptom=f"'{first}' goes straight into '{second}'{others}: together they are linear.",
        cause="There is no activation between them; two linear maps in a row are one.",
        remedy="Put a function between them:\n    nn.Linear(n, m), nn.ReLU(), nn.Linear(m, k)",
        evidence=(Evidence("share of layers fed so", share, LIMITS["share"], "above"),),
        layers=tuple(dict.fromkeys(name for pair in bare for name in pair)),
        steps=(1, 1),
        confidence=0.9,
        panel="gradient_flow",
    )
