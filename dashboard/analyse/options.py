"""What every analysis may be asked: of which weights, on which data, on what device."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from diagnostics.active.wish import Wish
    from diagnostics.weight_space import About

Add: TypeAlias = Callable[[str, str, str], argparse.ArgumentParser]  # name, what it does, example
Number = TypeVar("Number", int, float)

OUTPUTS = (
    *("values", "mean, variance", "mean, log variance"),
    *("logits", "one logit", "probabilities"),
)


def add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path)
    parser.add_argument("--step", type=int, help="the snapshot's (default: the last)")
    parser.add_argument(
        "--statistics",
        choices=("running", "batch", "re-estimated"),
        default="running",
        help="what batch normalisation takes its mean from (default: running)",
    )
    parser.add_argument(
        "--subject",
        default="",
        metavar="MODULE:FUNCTION",
        help="gives a Subject, or model, loss and batch, where the run has recorded no program",
    )
    parser.add_argument("--device", default="cpu", help="such as cuda (default: cpu)")


def add_held_out(parser: argparse.ArgumentParser, told: str) -> None:
    parser.add_argument(
        "--held-out",
        nargs="?",
        const="recorded",
        default="",
        metavar="MODULE:FUNCTION",
        help=f"{told} held-out data: those of the recording, or what a function gives",
    )


def sd(text: str) -> float:
    """A standard deviation: of nought, nothing is likely."""
    value = at_least(0.0)(text)
    if not value:
        raise argparse.ArgumentTypeError(f"{text} is no standard deviation; give one above 0")
    return value


def add_reading(
    parser: argparse.ArgumentParser,
    noise: Callable[[str], object] = sd,
    told: str = ", for the total (default: not known)",
) -> None:
    """How predictions are read; the noise may be told in other ways too."""
    parser.add_argument(
        "--outputs",
        choices=OUTPUTS,
        help="what the network gives (default: logits where targets are classes, else values)",
    )
    parser.add_argument(
        "--noise", type=noise, help=f"standard deviation of the targets' noise{told}"
    )


def at_least(least: Number) -> Callable[[str], Number]:
    def number(text: str) -> Number:
        value = type(least)(text)
        if not least <= value < math.inf:  # as NaN is not
            told = f"{text} is not a finite number of {least} or more; give one"
            raise argparse.ArgumentTypeError(told)
        return value

    return number


def wish_of(asked: argparse.Namespace) -> Wish:
    from diagnostics.active.wish import Wish

    held_out = getattr(asked, "held_out", "")
    return Wish(asked.step, asked.statistics, asked.subject, held_out, asked.device)


def conditions(about: About) -> str:
    """At which weights, on which data, with what statistics."""
    found = f"step {about.step}, {about.data}, statistics of batch normalisation"
    return f"{found}: {about.statistics}"
