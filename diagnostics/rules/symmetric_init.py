"""Units of a layer are copies of one another, and stay so.

**What it looks at.** The share of rows of each weight matrix that differ from one another, when
the recording begins and later; where that was not recorded, matrices whose elements are all the
same for good.

**Why it is bad.** Units with equal weights give equal outputs and get equal gradients: they remain
copies for ever. A layer of a hundred such units is a layer of one.

**Where it comes from.** Weights that were all set to zero or to a constant; a layer that was copied
into each place of another.

**What to do.** Draw the weights at random; zeros are for biases alone:

    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu");   nn.init.zeros_(layer.bias)

**What it cannot see.** Units that are alike but for a little noise. Layers that begin at zero on
purpose, the last ones of residual branches say, differ after a step or two and are let be.

References: Goodfellow et al. 2016 (Deep Learning, section 8.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.harm import harm
from diagnostics.thresholds import thresholds

LIMITS = thresholds("symmetric_init")
EXPLAINS = (
    *("vanishing_gradient", "dead_relu", "bad_init_scale", "lr_too_low", "underfitting"),
    *("plateau", "no_signal", "no_update"),
)
DISTINCT = "distinct"


@dataclass(frozen=True)
class Copies:
    """Matrices most of whose rows are copies, at first and still at last."""

    shares: dict[str, float]  # of their rows that differ
    steps: tuple[int, int]
    looks: int


def symmetric_init(run: Run) -> Verdict:
    """Are units copies of one another?"""
    if DISTINCT not in run.array_names and "weights" not in run.series:
        return NotEnough("weights are not recorded; add probes.Weights() to the Recorder")
    found = _by_rows(run) if DISTINCT in run.array_names else None
    found = found if found is not None and found.shares else _by_range(run)
    if found is None or not found.shares:
        return None
    if found.looks == 1 and not harm(run).is_harm:
        found = _without_zeros(run, found)
    return _finding(run, found) if found.shares else None


def _without_zeros(run: Run, found: Copies) -> Copies:
    """Zeros before zeros part at the second step: of these a single look tells nothing."""
    names = list(found.shares)
    if "weights" not in run.series:
        return replace(found, shares={})
    largest = np.abs([run.column("weights", kind, names)[0] for kind in ("min", "max")]).max(0)
    return replace(
        found, shares={n: found.shares[n] for n, x in zip(names, largest, strict=True) if x > 0}
    )


def _by_rows(run: Run) -> Copies:
    track = max(run.arrays(DISTINCT), key=lambda track: len(track.steps))
    names = track.about.removeprefix("[parameter: ").removesuffix("]").split(", ")
    learn = {n for n, t in run.parameters.items() if t.trainable} - _broken(run)
    least = track.values.max(0)  # at any time: copies that part are none
    alike = {
        name: float(share)
        for name, share in zip(names, least, strict=True)
        if share <= LIMITS["distinct"] and name in learn
    }
    return Copies(alike, (int(track.steps[0]), int(track.steps[-1])), len(track.steps))


def _broken(run: Run) -> set[str]:
    """What is not finite at the first record: NaN is like NaN."""
    if "weights" not in run.series or not len(run.steps("weights")):
        return set()
    names = list(run.parameters)
    bad = sum(run.column("weights", kind, names)[0] for kind in ("nan", "posinf", "neginf"))
    return {name for name, count in zip(names, np.asarray(bad), strict=True) if count > 0}


def _by_range(run: Run) -> Copies | None:
    """Matrices whose least and greatest elements are the same at every record."""
    if "weights" not in run.series or len(run.steps("weights")) < LIMITS["records"]:
        return None
    matrices = [n for n, t in run.parameters.items() if t.role == "matrix" and t.trainable]
    rows = np.array([int(run.parameters[n].shape.split("x")[0]) for n in matrices])
    with np.errstate(invalid="ignore"):
        range_ = run.column("weights", "max", matrices) - run.column("weights", "min", matrices)
    same = (range_ == 0).all(0) & (rows > 1)
    alike = {n: 1 / int(r) for n, r, is_so in zip(matrices, rows, same, strict=True) if is_so}
    steps = run.steps("weights")
    return Copies(alike, (int(steps[0]), int(steps[-1])), len(steps))


def _finding(run: Run, found: Copies) -> Finding:
    names = sorted(found.shares, key=found.shares.__getitem__)
    worst = names[0]
    rows = run.parameters[worst].shape.split("x")[0]
    others = f", and so it is in {len(names)} matrices" if len(names) > 1 else ""
    return Finding(
        disease="symmetric_init",
        severity="error",
        symptom=(
            f"Of the {rows} rows of '{worst}' only {found.shares[worst]:.0%} differ{others}: "
            "the units are copies of one another."
        ),
        cause=(
            "The weights began as one constant, or as copies. Equal units get equal gradients, "
            "so that they remain equal."
        ),
        remedy=(
            "Draw the weights at random; only biases begin at zero:\n"
            '    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")\n'
            "    nn.init.zeros_(layer.bias)"
        ),
        evidence=(
            Evidence("share of rows that differ", found.shares[worst], LIMITS["distinct"], "below"),
        ),
        layers=tuple(dict.fromkeys(run.parameters[name].module for name in names)),
        steps=found.steps,
        confidence=0.98 if found.looks > 1 else 0.9,
        panel="gradient_flow",
    )
