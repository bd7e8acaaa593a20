"""Weights grow without bound.

**What it looks at.** The size of all weight matrices over the recording, those aside that run into
a normalisation, which does not feel their size. That they have grown many times over; that they
still grow as fast as ever in the second half; and whether the loss is harmed and no longer falls,
or falls below what any loss can be, in step with the square of the weights perhaps: then a penalty
pays for their size.

**Why it is bad.** Larger weights make sharper functions: the training loss may fall while new data
is met with ever more certainty and error, until numbers overflow.

**Where it comes from.** A penalty with the wrong sign, which pays for size; a rate or a momentum
so large that every step overshoots; a loss that has no lower bound.

**What to do.** Look at the sign of what is added to the loss, decay the weights, lower the rate:

    torch.optim.AdamW(model.parameters(), lr, weight_decay=0.01)
    loss = task + strength * sum(p.square().sum() for p in model.parameters())   # plus

**What it cannot see.** Growth that begins after the recording's end.

References: Krogh & Hertz 1991; Soudry et al. 2018 (on separable data weights grow, but slowly).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.harm import harm
from diagnostics.signs.learning import learning
from diagnostics.signs.movement import Movement, movement
from diagnostics.thresholds import thresholds

LIMITS = thresholds("weight_blowup")
EXPLAINS = ("loss_unbounded", "wrong_objective", "saturated_activations")


@dataclass(frozen=True)
class Growth:
    """Of all matrices together."""

    names: tuple[str, ...]
    steps: NDArray[np.int64]  # [t]
    size: NDArray[np.float64]  # [t]  norm
    each: NDArray[np.float64]  # [matrix]  at the end over the beginning

    @property
    def factor(self) -> float:
        return float(self.size[-1] / self.size[0])

    @property
    def speed(self) -> float:
        """Of the second half, over that of the first: 1 is growth in proportion to time."""
        middle = int(np.searchsorted(self.steps, (self.steps[0] + self.steps[-1]) / 2))
        early = (self.size[middle] - self.size[0]) / (self.steps[middle] - self.steps[0])
        late = (self.size[-1] - self.size[middle]) / max(1, self.steps[-1] - self.steps[middle])
        return float(late / early) if early > 0 else float("inf")


def weight_blowup(run: Run) -> Verdict:
    """Do the weights grow, and go on growing?"""
    told = movement(run)
    if told is None:
        return NotEnough("weights and updates are not recorded; leave the default probes")
    grown = _growth(run, told)
    if grown is None or len(grown.steps) < LIMITS["records"]:
        return NotEnough("too few records of weights that are finite")
    if grown.factor < LIMITS["growth"]:
        return None
    below = _is_below_bounds(run)
    harmed = harm(run).is_harm and grown.speed > LIMITS["speed"] and not _still_falls(run)
    if not (below or harmed):
        return None
    paid = _correlation(run, grown) < LIMITS["paid"]
    return _finding(grown, _first(run, grown, paid=paid and below), below=below, paid=paid)


def _growth(run: Run, told: Movement) -> Growth | None:
    normalised = {t.module for t in run.parameters.values() if t.role == "cancelled"}
    kept = [n for n, name in enumerate(told.names) if run.parameters[name].module not in normalised]
    weight = told.weight[:, kept].astype(np.float64)
    weight = np.where(weight < 1e150, weight, np.nan)  # whose squares are still numbers
    finite = np.isfinite(weight).all(1)
    if not kept or not finite.any():
        return None
    weight = weight[finite]
    roots = np.sqrt([run.parameters[told.names[n]].size for n in kept])
    size = np.linalg.norm(weight * roots, axis=1)
    begun = size > 0
    if not begun.any():
        return None
    first = weight[begun][0]
    each = weight[-1] / np.where(first > 0, first, np.inf)
    names = tuple(told.names[n] for n in kept)
    return Growth(names, told.steps[finite][begun], size[begun], each)


def _correlation(run: Run, grown: Growth) -> float:
    """Of the loss with the squared size, once training has begun: -1 if a penalty pays for size."""
    told = learning(run)
    if told is None:
        return 0.0
    later = grown.steps > grown.steps[-1] / 4
    loss = np.interp(grown.steps[later], told.steps, told.values)
    size = grown.size[later] ** 2
    if later.sum() < LIMITS["records"] or not np.isfinite(loss).all() or not np.ptp(loss) > 0:
        return 0.0
    return float(np.corrcoef(loss / np.abs(loss).max(), size / size.max())[0, 1])


def _still_falls(run: Run) -> bool:
    """Weights may have far to go: to targets of a large scale, say."""
    told = learning(run)
    if told is None or not told.finite or not len(told.smooth):
        return False
    return bool(told.end < told.smooth[len(told.smooth) // 2])


def _is_below_bounds(run: Run) -> bool:
    """A loss that was above zero falls far below it, and falls still."""
    told = learning(run)
    if told is None or not told.begin > 0 or not len(told.smooth):
        return False
    half = told.smooth[len(told.smooth) // 2]
    return bool(told.end < -told.begin * LIMITS["below"] and told.end < half)


def _first(run: Run, grown: Growth, *, paid: bool) -> int:
    """The step at which they have grown too much, or that at which the loss pays for it."""
    over = int(grown.steps[grown.size > LIMITS["growth"] * grown.size[0]][0])
    told = learning(run) if paid else None
    return over if told is None else min(over, int(told.steps[told.values < 0][0]))


def _finding(grown: Growth, first: int, *, below: bool, paid: bool) -> Finding:
    order = np.argsort(-grown.each)
    harmed = "the loss falls below zero" if below else "the training goes badly"
    also = ", in proportion to the square of their size" if paid else ""
    return Finding(
        disease="weight_blowup",
        severity="error",
        symptom=(
            f"The weights have grown {grown.factor:.3g}-fold and grow on, and {harmed}{also}, "
            f"first at step {first:,}."
        ),
        cause=(
            "Something pays for large weights: a penalty of the wrong sign, or a loss without a "
            "lower bound; or steps so large that each throws them further."
        ),
        remedy=(
            "Look at the sign of what is added to the loss, decay the weights, lower the rate:\n"
            "    torch.optim.AdamW(model.parameters(), lr, weight_decay=0.01)"
        ),
        evidence=_evidence(grown, below=below),
        layers=tuple(grown.names[n] for n in order[:5]),
        steps=(first, int(grown.steps[-1])),
        # Where nothing says that size itself is paid for, it may be what something else does.
        confidence=0.97 if paid else 0.6,
        panel="update_ratios",
    )


def _evidence(grown: Growth, *, below: bool) -> tuple[Evidence, ...]:
    size = Evidence("weights, last over first", grown.factor, LIMITS["growth"], "above")
    name = "growth of the second half over the first's"
    speed = Evidence(name, grown.speed, LIMITS["speed"], "above")
    return (size,) if below else (size, speed)
