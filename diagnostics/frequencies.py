"""How much of each frequency is in a function that is known at some places.

A frequency k is a number of waves over a period. Coefficients are f^(k) = 1/N sum f exp(-2 pi i k
x / period), so that a wave of amplitude A has |f^| = A/2. On an even grid whose last point does not
repeat its first, whole waves are orthogonal and this sum is exact. Elsewhere it leaks, and waves
are fitted together by least squares. Where the function depends on more than the place, as it does
along one direction of many, only the plain sums are left, and their noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from probes.folder import FathomError

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Kind = Literal["grid", "fit", "sums"]

ABOVE_NOISE = 3.0  # times the noise's amplitude: noise alone is above it once in 8,000
LEAST = 1e-4  # of the largest amplitude: below it rounding and other frequencies decide
MOST = 32  # frequencies chosen where none are named
UNCERTAIN = 1e4  # condition number beyond which waves cannot be told apart
UNEVEN = 1e-3  # of a gap
WHOLE = (1.0, 2.0, math.pi, 2 * math.pi)  # lengths that a grid is meant to repeat after


@dataclass(frozen=True)
class Modes:
    """Some frequencies, and what turns values at the places into their coefficients."""

    frequencies: Floats  # [k]  waves over the period
    period: float
    kind: Kind
    how: str  # in words
    alias: Floats  # [k]  which other frequency looks the same on an even grid; NaN: none does
    angles: Floats  # [k, example]
    matrix: Complexes  # [k, example]

    def coefficients(self, values: NDArray[Any]) -> Complexes:
        """Of values [..., example, output], as [..., k, output]; NaN where a value is none."""
        found: Complexes = np.matmul(self.matrix, np.asarray(values, np.float64))
        return found

    def noise(self, variance: float) -> Floats:
        """E|f^(k)|² of white noise: sigma²/N where waves are orthogonal, or plainly summed."""
        found: Floats = variance * (np.abs(self.matrix) ** 2).sum(1)
        return found

    def unexplained(self, values: NDArray[Any]) -> float:
        """The variance of what these frequencies and a constant leave; of sums, of all there is.

        Values are [example, output]; outputs' variances are added. NaN where so many frequencies
        leave nothing of any values.
        """
        centred = values - values.mean(0)
        if self.kind == "sums":
            return float((centred**2).sum() / len(values))
        design = _design(self.angles)
        free = len(values) - design.shape[1]
        rest = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
        return float((rest**2).sum() / free) if free > 0 else math.nan


def modes(
    places: Floats, frequencies: Sequence[float] | Floats, period: float | None = None
) -> Modes:
    """Exact sums on an even grid, else a fit by least squares.

    `period` is the length over which k = 1 is one wave; by default the grid's own, the last gap
    included. A grid that ends where it began is told by its period, or by a span of 1, 2, pi or
    2 pi.
    """
    chosen = _checked(frequencies)
    gap = even_gap(places)
    period = _own_period(places, gap) if period is None else _checked_period(period)
    angles = 2 * np.pi * np.outer(chosen, _snapped(places, gap) / period)
    alias = _aliases(chosen, period, gap)
    if _orthogonal(chosen, period, gap, len(places)):
        how = f"exact sums on an even grid of {len(places)}"
        return Modes(chosen, period, "grid", how, alias, angles, np.exp(-1j * angles) / len(places))
    how = f"least squares over {len(places)} places{_why(places, period, gap)}"
    return Modes(chosen, period, "fit", how, alias, angles, _fitted(chosen, angles))


def sums(places: Floats, frequencies: Sequence[float] | Floats, period: float) -> Modes:
    """Plain means, where the function does not depend on the places alone; their noise is 1/N.

    Of values less their own mean, which uneven places would show at every frequency.
    """
    chosen, n = _checked(frequencies), len(places)
    angles = 2 * np.pi * np.outer(chosen, places / _checked_period(period))
    none = np.full(len(chosen), np.nan)
    how = f"means over {n} uneven places; all that the line does not explain is noise"
    waves = np.exp(-1j * angles) / n
    return Modes(chosen, period, "sums", how, none, angles, waves - waves.mean(1, keepdims=True))


def projection_ratio(found: Complexes, wanted: Complexes) -> Floats:
    """Re(f^ conj y^) / |y^|² over all outputs: 1 is learnt, of any phase and sign. [..., k]"""
    ratio: Floats = (found * wanted.conj()).real.sum(-1) / _power(wanted)
    return ratio


def relative_error(found: Complexes, wanted: Complexes) -> Floats:
    """|f^ - y^| / |y^|: 0 is learnt."""
    error: Floats = np.sqrt(_power(found - wanted) / _power(wanted))
    return error


def magnitude_ratio(found: Complexes, wanted: Complexes) -> Floats:
    """|f^| / |y^|: blind to phase, so that a wave a quarter off counts as learnt."""
    ratio: Floats = np.sqrt(_power(found) / _power(wanted))
    return ratio


def amplitudes(coefficients: Complexes) -> Floats:
    """Of the waves, all outputs together."""
    found: Floats = 2 * np.sqrt(_power(coefficients))
    return found


def total_variation(values: NDArray[Any], *, closed: bool = False) -> Floats:
    """How far values [..., example] go up and down in all: 4k for k waves of amplitude 1.

    Examples are in the order of their places; a closed grid goes on at its start.
    """
    path = np.concatenate([values, values[..., :1]], -1) if closed else values
    found: Floats = np.abs(np.diff(path, axis=-1)).sum(-1)
    return found


def strongest(places: Floats, target: NDArray[Any], period: float | None = None) -> Floats:
    """The whole frequencies that carry the target on an even grid, at most 32 of them.

    A carrier has at least a hundredth of the largest amplitude and stands clear of the others'
    median, as noise does not.
    """
    gap = even_gap(places)
    own = _own_period(places, gap) if period is None else _checked_period(period)
    kept = _once(places, own)
    if not _orthogonal(np.ones(1), own, gap, int(kept.sum())):
        return np.arange(1.0, max(2, min(MOST, len(places) // 4) + 1))
    whole = np.arange(1.0, math.ceil(own / gap / 2 - 1e-6))
    power = _power(modes(places[kept], whole, own).coefficients(target[kept]))
    clear = max(float(np.median(power)) / math.log(2) * ABOVE_NOISE**2, 1e-4 * float(power.max()))
    least = max(clear, float(np.finfo(np.float32).eps * np.abs(target).max()) ** 2)
    if not (power > least).any():
        raise FathomError(
            f"no frequency stands out in the target on {len(places)} places: it is constant, or "
            "noise to its Fourier sums, or of most frequencies alike; name those to look at."
        )
    carriers = np.flatnonzero(power > least)
    carriers = carriers[np.argsort(power[carriers])[::-1][:MOST]]
    return np.sort(carriers).astype(np.float64) + 1


def _once(places: Floats, period: float) -> NDArray[np.bool_]:
    """Which places are not the first one again."""
    if not _repeats(places, period):
        return np.ones(len(places), np.bool_)
    found: NDArray[np.bool_] = places < places.min() + period * (1 - 1e-5)
    return found


def _repeats(places: Floats, period: float) -> bool:
    return math.isclose(float(np.ptp(places)), period, rel_tol=1e-5)


def even_gap(places: Floats) -> float:
    """Between neighbours, in whatever order they stand; NaN where gaps differ."""
    if places.ndim != 1 or len(places) < 3 or not np.isfinite(places).all():
        raise FathomError(
            f"frequencies need at least three finite places on a line, and got an array of shape "
            f"{[*places.shape]}; give places=, one number an example."
        )
    gaps = np.diff(np.sort(places))
    gap = float(gaps.mean())
    slack = UNEVEN * gap + 4 * np.finfo(np.float32).eps * float(np.abs(places).max())
    return gap if gap > 0 and np.abs(gaps - gap).max() <= slack else math.nan


def _checked(frequencies: Sequence[float] | Floats) -> Floats:
    chosen = np.asarray(frequencies, np.float64)
    if chosen.ndim != 1 or not len(chosen) or not ((chosen > 0) & (chosen < np.inf)).all():
        raise FathomError(
            f"frequencies={chosen.tolist()}: they are numbers of waves over the period, each above "
            "0; a constant has none."
        )
    if len(np.unique(chosen)) < len(chosen):
        raise FathomError(f"frequencies={chosen.tolist()}: one is named twice; name each once.")
    return chosen


def _checked_period(period: float) -> float:
    if not 0 < period < math.inf:
        raise FathomError(
            f"period={period:g}: it is the length over which k = 1 is one wave, and above 0; along "
            "a line on which all places are one there is none."
        )
    return period


def _own_period(places: Floats, gap: float) -> float:
    if math.isnan(gap):
        raise FathomError(
            f"the {len(places)} places are not evenly spaced, so they have no period of their own; "
            "say over which length k = 1 is one wave: period=…"
        )
    span, whole = float(np.ptp(places)), len(places) * gap
    repeats = _is_whole(span) and not _is_whole(whole)
    return span if repeats else whole


def _is_whole(length: float) -> bool:
    return any(math.isclose(length, each, rel_tol=1e-5) for each in WHOLE)


def _snapped(places: Floats, gap: float) -> Floats:
    """Even places to the last digit: recordings hold them in float32."""
    if math.isnan(gap):
        return places
    first = float(places.min())
    return np.asarray(first + gap * np.round((places - first) / gap), np.float64)


def _orthogonal(chosen: Floats, period: float, gap: float, count: int) -> bool:
    """Does each frequency make whole waves over the grid, fewer than half of its points?"""
    if math.isnan(gap):
        return False
    waves = chosen * count * gap / period
    whole = np.abs(waves - np.round(waves)).max() < 1e-4
    return bool(whole and np.round(waves).min() > 0 and waves.max() < count / 2 - 1e-6)


def _aliases(chosen: Floats, period: float, gap: float) -> Floats:
    """On a grid k looks like (its points a period) - k; beyond the half only that is seen."""
    if math.isnan(gap):
        return np.full(len(chosen), np.nan)
    points = period / gap
    if chosen.max() >= points / 2 - 1e-6:
        raise FathomError(
            f"k = {chosen.max():g} cannot be told from k = {abs(points - chosen.max()):g} on "
            f"{points:g} points a period; stay below {points / 2:g}, or take a finer grid."
        )
    found: Floats = points - chosen
    return found


def _why(places: Floats, period: float, gap: float) -> str:
    if math.isnan(gap):
        return ", which are not evenly spaced: frequencies not asked for leak in"
    if _repeats(places, period):
        return ": the last one repeats the first"
    return ": not all frequencies make whole waves over them; others leak in"


def _fitted(chosen: Floats, angles: Floats) -> Complexes:
    """The fit's own linear map, with a constant beside the waves."""
    design = _design(angles)
    values = np.linalg.svd(design, compute_uv=False)
    too_few = design.shape[0] < design.shape[1]
    if too_few or values[0] > UNCERTAIN * values[-1]:
        closest = float(np.diff(np.sort(chosen), prepend=0.0).min())
        raise FathomError(
            f"{len(chosen)} frequencies cannot be told apart on {len(design)} places (the closest "
            f"are {closest:g} waves apart); name fewer or more distant ones, or take more places."
        )
    solved = np.linalg.pinv(design)[1:]
    half = len(chosen)
    return np.asarray((solved[:half] - 1j * solved[half:]) / 2, np.complex128)


def _design(angles: Floats) -> Floats:
    """[example, 1 + 2 k]: a constant, cosines, sines."""
    found: Floats = np.vstack([np.ones(angles.shape[1]), np.cos(angles), np.sin(angles)]).T
    return found


def _power(coefficients: Complexes) -> Floats:
    """All outputs together: [..., k]"""
    found: Floats = (np.abs(coefficients) ** 2).sum(-1)
    return found
