"""`fathom analyse spectral-bias`: which frequencies of its target the network learnt first."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.analyse.options import Add
from dashboard.wording import count

if TYPE_CHECKING:
    from diagnostics.data_spectra import DataSpectra
    from diagnostics.predicted_bias import PredictedBias
    from diagnostics.spectral_bias import SpectralBias


def add_spectral_bias(add: Add) -> None:
    told = "which frequencies of its target the network learnt first, and the function it became"
    example = "fathom analyse spectral-bias runs/sines --frequencies 1,5,9"
    spectral_bias = add("spectral-bias", told, example)
    spectral_bias.add_argument("run", type=Path)
    spectral_bias.add_argument(
        "--frequencies",
        type=_frequencies,
        metavar="K,K,…",
        help="waves over the period (default: those that carry the target)",
    )
    spectral_bias.add_argument(
        "--period",
        type=_above_zero,
        help="the length over which k = 1 is one wave (default: the grid's own)",
    )
    spectral_bias.add_argument(
        "--again",
        action="store_true",
        help="predict at the snapshots, though predictions were recorded in training",
    )
    spectral_bias.add_argument(
        "--target",
        default="",
        metavar="MODULE:FUNCTION",
        help="gives what is to be learnt, a row an example (default: that of the recorded batch)",
    )
    spectral_bias.add_argument(
        "--predicted",
        action="store_true",
        help="also what the kernel at the first snapshot predicts of gradient descent",
    )
    spectral_bias.set_defaults(command=_spectral_bias)


def _frequencies(text: str) -> tuple[float, ...]:
    return tuple(_above_zero(each) for each in text.split(","))


def _above_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:  # as NaN is not
        raise argparse.ArgumentTypeError(f"{text} is not a finite number above 0; give one")
    return value


def _spectral_bias(asked: argparse.Namespace) -> int:
    from diagnostics.active.spectral_bias import function_key, spectral_bias_of, with_prediction
    from diagnostics.run import Run
    from diagnostics.spectral_bias import SpectralBias

    how = {"period": asked.period, "again": asked.again, "target": asked.target}
    run = Run(asked.run)
    found = spectral_bias_of(run, asked.frequencies, **how)
    if asked.predicted:
        found = with_prediction(run, found)
    if isinstance(found, SpectralBias):
        _tell(found)
    else:
        _tell_parts(found)
    print(f"stored as {function_key(found)}")
    return 0


def _tell(found: SpectralBias) -> None:
    print(f"{found.source} at {count(len(found.steps), 'step')}; {found.how}")
    half, most = found.reached
    print(f"{'k':>10}{'amplitude':>12}{'half at':>12}{'90 % at':>12}{'part learnt':>13}")
    rows = zip(
        found.frequencies, found.amplitude, half.step, most.step, found.ratio[-1], strict=True
    )
    for k, amplitude, first, second, part in rows:
        line = f"{k:>10.6g}{amplitude:>12.4g}{_when(first):>12}{_when(second):>12}"
        print(line + (f"{part:>13.4g}" if math.isfinite(part) else f"{'-':>13}"))
    if found.predicted:
        _tell_prediction(found.predicted)
    print(f"{found.verdict}: {found.why}")


def _tell_prediction(found: PredictedBias) -> None:
    if found.refused:
        print(f"not predicted: {found.refused}")
        return
    halves = ", ".join(_when(step) for step in found.reached[0].between)
    print(f"half predicted at {halves}")


def _tell_parts(found: DataSpectra) -> None:
    split = found.filtered
    print(
        f"{found.source} at {count(len(found.steps), 'step')}; inputs of {len(found.direction)} "
        f"features, so split into smooth and fine by Gaussians over {found.examples} examples"
    )
    print(f"{'width':>10}{'smooth':>9}{'half of it at':>15}{'of the fine part':>18}")
    rows = zip(split.widths, split.share, split.low_step, split.high_step, strict=True)
    for width, share, low, high in rows:
        print(f"{width:>10.4g}{share:>9.1%}{_when(low):>15}{_when(high):>18}")
    rough = found.roughness
    print(
        f"roughness among {rough.neighbours} neighbours: {rough.values[-1]:.4g} at the last step; "
        f"target {rough.target:.4g}, by chance {rough.chance:.4g}"
    )
    print(f"{split.verdict}: {split.why}")


def _when(step: float) -> str:
    if math.isnan(step):
        return "-"
    return "never" if math.isinf(step) else f"{step:.0f}"
