"""`fathom analyse quality`: how far the predictions can be trusted, in figures with intervals."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from dashboard.analyse.options import (
    Add,
    add_held_out,
    add_reading,
    add_weights,
    at_least,
    conditions,
    sd,
    wish_of,
)
from dashboard.scores.words import seldom, with_error
from dashboard.wording import count, number

if TYPE_CHECKING:
    from diagnostics.active.quality import Ask
    from diagnostics.calibration import Calibration
    from diagnostics.coverage import Coverage
    from diagnostics.quality import Quality
    from diagnostics.scoring import Score
    from diagnostics.selective import Selective, Strangers


def add_quality(add: Add) -> None:
    told = "whether predictions are as right as they are sure: calibration, coverage, rejection"
    example = "fathom analyse quality runs/digits --held-out --draws 100"
    parser = add("quality", told, example)
    add_weights(parser)
    add_held_out(parser, "of")
    parser.add_argument(
        "--draws",
        type=_none_or_some,
        default=0,
        help="predict by the mean of so many, with dropout on (default: once, with dropout off)",
    )
    parser.add_argument("--seed", type=at_least(0), default=0)
    add_reading(parser, _noise, "; or residuals: estimate it from those of the recorded batch")
    parser.add_argument(
        "--output", type=at_least(1), help="which of several predicted values, from 1 on"
    )
    parser.add_argument(
        "--uncertainty",
        choices=("entropy", "confidence"),
        default="entropy",
        help="what classes are rejected by: predictive entropy, or 1 - the largest probability",
    )
    parser.add_argument(
        "--beside",
        default="",
        metavar="MODULE:FUNCTION",
        help="gives a batch of data of another kind: are they the more uncertain ones?",
    )
    parser.set_defaults(command=_quality)


def _none_or_some(text: str) -> int:
    """A spread with an error takes three."""
    return int(text) and at_least(3)(text)


def _noise(text: str) -> float | Literal["residuals"]:
    if text == "residuals":
        return "residuals"
    try:
        return sd(text)
    except ValueError:
        told = f"{text} is neither a standard deviation nor the word residuals; give one of them"
        raise argparse.ArgumentTypeError(told) from None


def _quality(asked: argparse.Namespace) -> int:
    from diagnostics.active.quality import quality_key, quality_of
    from diagnostics.run import Run
    from diagnostics.store import analysis_of

    wish, ask = wish_of(asked), _ask_of(asked)
    found = quality_of(Run(asked.run), wish, ask)
    for line in lines(found):
        print(line)
    about = found.scoring.about
    assert about is not None
    parts = ", ".join(analysis_of(type(part)) for part in found.parts)
    print(f"stored as {quality_key(about, wish, ask)} ({parts})")
    return 0


def _ask_of(asked: argparse.Namespace) -> Ask:
    from diagnostics.active.quality import Ask

    return Ask(
        asked.draws, asked.seed, asked.outputs, asked.noise, asked.output,
        asked.uncertainty, asked.beside,
    )  # fmt: skip


def lines(found: Quality) -> Iterator[str]:
    """What each part found, a few lines each."""
    about = found.scoring.about
    if about is not None:
        yield conditions(about)
    if found.calibration:
        yield from _calibration(found.calibration)
    if found.coverage:
        yield from _coverage(found.coverage)
    yield "  " + ", ".join(map(_score, found.scoring.scores)) + " (the less, the better)"
    if found.selective:
        yield from _selective(found.selective)
    else:
        yield "  every example has the same uncertainty: there is no order to reject them in"


def _score(score: Score) -> str:
    return f"{score.name} {with_error(score.value, score.error)}"


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"


def _between(interval: tuple[float, float]) -> str:
    low, high = interval
    return f"95 %: {number(low)} to {number(high)}"


def _shares(interval: tuple[float, float]) -> str:
    low, high = map(_share, interval)
    return f"95 %: {low} to {high}"


def _calibration(found: Calibration) -> Iterator[str]:
    of = found.equal_mass
    yield (
        f"  accuracy {_share(found.accuracy)} ({_shares(found.accuracy_interval)}), "
        f"mean confidence {_share(found.confidence)}, {count(found.examples, 'example')}"
    )
    yield (
        f"  ECE {with_error(of.ece, of.error)} ({_between(of.interval)}); a calibrated model "
        f"shows {with_error(of.floor, of.floor_spread)}, as much as this in "
        f"{seldom(of.chance)}"
    )
    warmth = found.temperature
    if warmth is None:
        return
    yield (
        f"  temperature {with_error(warmth.value, warmth.error)} (above 1: too sure); "
        f"at it NLL {number(warmth.scaled_nll)}, now {number(warmth.nll)}"
    )


def _coverage(found: Coverage) -> Iterator[str]:
    from dashboard.scores.intervals import at_level

    curve, area, wide, pit = found.curve, found.area, found.dispersion, found.pit
    at = at_level(curve)
    inside = _shares((float(curve.low[at]), float(curve.high[at])))
    yield f"  {_share(curve.level[at])} intervals hold {_share(curve.observed[at])} ({inside})"
    yield (
        f"  every sigma is to be multiplied by {with_error(wide.factor, wide.error)} "
        f"(above 1: too sure); bias {with_error(found.bias.value, found.bias.error)} sigma"
    )
    yield (
        f"  miscalibration area {with_error(area.value, area.error)}, of a calibrated model "
        f"{number(area.floor)}; PIT {number(pit.ks)} from uniform, as far by chance in "
        f"{seldom(pit.ks_chance)}"
    )
    yield f"  sharpness {with_error(found.sharpness.value, found.sharpness.error)}"


def _selective(found: Selective) -> Iterator[str]:
    curve = found.risk_coverage
    of = [with_error(s.value, s.error) for s in (curve.perfect_aurc, curve.random_aurc)]
    yield (
        f"  AURC {with_error(curve.aurc.value, curve.aurc.error)}; ideal {of[0]}, random {of[1]}"
    )
    if found.strangers:
        yield _strangers(found.strangers)
    if found.doubt:
        yield f"  (uncertainty: {found.doubt}; loss: {found.loss})"


def _strangers(found: Strangers) -> str:
    return (
        f"  other data told apart: AUROC {with_error(found.auroc.value, found.auroc.error)}, "
        f"FPR at 95 % {_share(found.fpr95)} ({_shares(found.fpr95_interval)})"
    )
