"""`fathom analyse ensemble`: several networks together, and what averaging them gains."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.analyse.options import (
    Add,
    add_held_out,
    add_reading,
    add_weights,
    at_least,
    conditions,
    wish_of,
)
from dashboard.ensembles.gain import is_known
from dashboard.ensembles.naming import KINDS, error_name, spread_name
from dashboard.wording import layers, number

if TYPE_CHECKING:
    from diagnostics.active.ensemble import PlacedEnsemble
    from diagnostics.ensemble import Ensemble, Gain
    from diagnostics.predictive_likelihood import Likelihood


def add_ensemble(add: Add) -> None:
    told = "several trained networks together: how far they part, what averaging them gains"
    parser = add("ensemble", told, "fathom analyse ensemble runs/one runs/two --held-out")
    add_weights(parser)
    parser.add_argument(
        "others", type=Path, nargs="*", help="more runs (default: none; snapshots of the one)"
    )
    parser.add_argument(
        "--snapshots",
        type=at_least(2),
        metavar="N",
        help="of one run, its last N (default: those of the last half of training, or 3)",
    )
    add_held_out(parser, "of")
    add_reading(parser)
    parser.set_defaults(command=_ensemble)


def _ensemble(asked: argparse.Namespace) -> int:
    from diagnostics.active.ensemble import Ask, ensemble_key, ensemble_of
    from diagnostics.run import Run

    wish, ask = wish_of(asked), Ask(asked.snapshots, asked.outputs, asked.noise)
    placed = ensemble_of([Run(path) for path in (asked.run, *asked.others)], wish, ask)
    for line in lines(placed):
        print(line)
    print(f"stored as {ensemble_key(placed, wish)}")
    return 0


def lines(placed: PlacedEnsemble) -> Iterator[str]:
    """What is wrong first, then the spread, then what averaging gains."""
    of = placed.ensemble
    yield conditions(of.about)
    for finding in of.findings:
        yield f"  {finding.severity}: {finding.symptom}"
    yield f"  {KINDS[of.kind]} of {len(of.names)}: {layers(of.names)}"
    yield f"  {_spread(of)}, mean over examples"
    if placed.along:
        yield f"  {_spread(placed.along.ensemble)}, mean over {placed.along.ensemble.about.data}"
    if of.gain is None:
        yield "  what averaging gains cannot be told: no targets that fit the predictions are known"
    elif not is_known(of.gain):
        yield "  what averaging gains cannot be told: predictions or targets are not finite"
    else:
        yield from _gain(of.gain, error_name(of))
    yield from _likelihood(of, of.likelihood)


def _spread(of: Ensemble) -> str:
    """In the words and units of a dropout ensemble's."""
    what = "mutual information" if of.uncertainty.reading.classes else "variance"
    spread = of.uncertainty.average
    told = _with_error(float(spread.value), float(spread.error))
    return f"{spread_name(of)} ({what}): {told}"


def _gain(of: Gain, what: str) -> Iterator[str]:
    alone, together, gained = (
        _with_error(float(each.value[place]), float(each.error[place]))
        for each, place in ((of.error, 0), (of.error, -1), (of.gained, -1))
    )
    limit = _with_error(float(of.limit.value), float(of.limit.error))
    yield f"  {what} of one member: {alone}; of the mean of {of.members[-1]}: {together}"
    yield f"  averaging takes off {gained}; of infinitely many such members {limit} would stay"
    yield f"  members' errors correlate by {number(of.correlation)}"


def _likelihood(of: Ensemble, found: Likelihood | None) -> Iterator[str]:
    if found is None:
        return
    told = _with_error(float(found.mean.value), float(found.mean.error))
    alone = of.member_log_likelihood
    yield f"  log likelihood of the mean: {told}"
    yield (
        f"  log likelihood of single members: {number(alone.mean())} on average, "
        f"{number(alone.min())} to {number(alone.max())}"
    )


def _with_error(value: float, error: float) -> str:
    return f"{value:.4g}" + (f" ± {error:.1g}" if math.isfinite(error) else "")
