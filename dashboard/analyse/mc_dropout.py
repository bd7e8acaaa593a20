"""`fathom analyse mc-dropout`: predictions with dropout left on, and how far they spread."""

from __future__ import annotations

import argparse
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

if TYPE_CHECKING:
    from diagnostics.active.mc_dropout import Ask
    from diagnostics.mc_dropout import McDropout, Sweep


def add_mc_dropout(add: Add) -> None:
    told = "predictions with dropout left on, and how far they spread"
    example = "fathom analyse mc-dropout runs/digits --draws 100 --masks shared --each"
    parser = add("mc-dropout", told, example)
    add_weights(parser)
    add_held_out(parser, "of")
    parser.add_argument("--draws", type=at_least(3), default=100, help="(default: 100)")
    parser.add_argument(
        "--masks",
        choices=("independent", "shared"),
        default="independent",
        help="one for each example, or shared by all: then a draw is a function",
    )
    parser.add_argument("--each", action="store_true", help="also every dropout alone")
    parser.add_argument(
        "--rates",
        type=_rate,
        nargs="+",
        default=[],
        metavar="P",
        help="also every dropout set to these rates, one after the other",
    )
    parser.add_argument("--seed", type=at_least(0), default=0)
    add_reading(parser)
    parser.set_defaults(command=_mc_dropout)


def _rate(text: str) -> float:
    value = at_least(0.0)(text)
    if value >= 1:
        raise argparse.ArgumentTypeError(f"{text} drops all; give a share from 0 up to below 1")
    return float(value)


def _mc_dropout(asked: argparse.Namespace) -> int:
    from diagnostics.active.mc_dropout import mc_dropout_key, mc_dropout_of
    from diagnostics.run import Run

    wish = wish_of(asked)
    placed = mc_dropout_of(Run(asked.run), wish, _ask_of(asked))
    _tell(placed.ensemble)
    print(f"stored as {mc_dropout_key(placed, wish)}")
    return 0


def _ask_of(asked: argparse.Namespace) -> Ask:
    from diagnostics.active.mc_dropout import Ask
    from diagnostics.mc_dropout import Plan

    plan = Plan(asked.seed, asked.masks, asked.each, tuple(asked.rates))
    return Ask(asked.draws, asked.outputs, asked.noise, plan)


def _tell(found: McDropout) -> None:
    of = found.uncertainty
    print(conditions(found.about))
    for finding in found.findings:
        print(f"  {finding.severity}: {finding.symptom}")
    what = "mutual information" if of.reading.classes else "variance"
    spread = of.growth.epistemic
    print(
        f"  dropout-ensemble spread ({what}): {spread.value[-1]:.4g} ± {spread.error[-1]:.1g}, "
        "mean over examples"
    )
    print(f"  draws: {of.draws:,} ({found.how}); {_enough(of.relative, of.needed)}")
    for each in found.dropouts:
        alone = "" if each.alone is None else f", alone {each.alone.value:.4g}"
        print(f"  {each.name}: {each.op}, p = {each.p:g}, in {each.times:,} draws{alone}")
    if found.sweep:
        _tell_rates(found.sweep)


def _tell_rates(sweep: Sweep) -> None:
    """What each rate would do, with the weights as they were trained."""
    for n, p in enumerate(sweep.p):
        told = f"{sweep.epistemic.value[n]:.4g} ± {sweep.epistemic.error[n]:.1g}"
        if sweep.log_likelihood:
            told += f", mean log likelihood {sweep.log_likelihood.value[n]:.4g}"
        print(f"  at p = {p:g}: spread {told}")


def _enough(relative: float, needed: int | None) -> str:
    if needed is None:
        return "how well the spread is known cannot be told"
    return f"the median example's is known to {relative:.1%}, 5 % takes {needed:,}"
