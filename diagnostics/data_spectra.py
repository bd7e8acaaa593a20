"""Low and high frequencies where inputs have many features: three ways, none of which needs a grid.

Waves along one direction, with the noise of all others; smoothing by a Gaussian over the inputs,
which splits any function into a low and a high part; and how rough a function is over the graph
of nearest neighbours. Distances between all inputs are taken, so their number is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from diagnostics.frequencies import Floats, sums
from diagnostics.learned_function import LearnedFunction
from diagnostics.learning_order import Verdict
from diagnostics.shown import Shown
from diagnostics.spectral_bias import SpectralBias, bias_by
from diagnostics.weight_space import About
from probes.folder import FathomError

EXAMPLES = 2000  # by default; time and memory grow with their square
WAVES = 20  # over the inputs' extent
WIDTHS = 6
NEIGHBOURS = 6
HALF = 0.5  # relative error at which a part counts as learnt
SLIGHT = 1e-3  # share of the target that is too little to judge by
MOST_DIFFERENT = "the direction in which inputs differ most"
ROWS = 256  # distances are taken in so many rows at once


@dataclass(frozen=True)
class Filtered:
    """The target and the network, each split by Gaussians of several widths.

    A wave of k per unit keeps exp(-(2 pi k width)^2 / 2) of itself in the low part.
    """

    widths: Floats  # [width]  standard deviations, in units of the inputs
    share: Floats  # [width]  of the target's variance that is in the low part
    low: Floats  # [t, width]  relative error of the low part; NaN: the target has too little of it
    high: Floats  # [t, width]
    low_step: Floats  # [width]  the first record at which half of it is learnt; infinity: none
    high_step: Floats  # [width]
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Roughness:
    """f'Lf / f'f over the graph of nearest neighbours: 0 is constant among them."""

    neighbours: int
    values: Floats  # [t]
    target: float
    chance: float  # of the same values on examples at random: nothing to do with the inputs


@dataclass(frozen=True)
class DataSpectra(Shown):
    """What a network learns first of a target over inputs of many features."""

    run: str
    about: About | None
    source: str
    outputs: str  # what was compared: outputs, or probabilities of classes
    examples: int  # that were looked at
    population: int  # of so many
    steps: NDArray[np.int64]  # [t]
    direction: Floats  # [feature]  of length 1
    explained: float  # share of the inputs' variance along it
    along: SpectralBias
    filtered: Filtered
    roughness: Roughness


def data_spectra(
    learned: LearnedFunction,
    direction: Floats | None = None,
    *,
    frequencies: Sequence[float] | Floats | None = None,
    most: int = EXAMPLES,
    seed: int = 0,
) -> DataSpectra:
    """Along a direction, by default that in which inputs differ most; smoothed; over neighbours.

    Frequencies are waves over the inputs' extent along the direction. Of more than `most` examples
    so many are drawn.
    """
    _check(learned)
    few = learned.few(most, seed)
    way = principal_direction(few.inputs) if direction is None else _unit(direction, few.inputs)
    centred = few.inputs - few.inputs.mean(0)
    places = centred @ way
    named = MOST_DIFFERENT if direction is None else "the direction given"
    on_it = replace(few, axis=named, places=places)
    waves = np.arange(1.0, WAVES + 1) if frequencies is None else frequencies
    return DataSpectra(
        run=learned.run,
        about=learned.about,
        source=learned.source,
        outputs=learned.outputs,
        examples=len(few.inputs),
        population=len(learned.inputs),
        steps=learned.steps,
        direction=way,
        explained=float((places**2).sum() / (centred**2).sum()),
        along=bias_by(on_it, sums(places, waves, float(np.ptp(places))), seed=seed),
        filtered=filtered(few),
        roughness=roughness(few),
    )


def principal_direction(inputs: Floats) -> Floats:
    """In which the inputs differ most, of length 1; its largest part is positive."""
    centred = inputs - inputs.mean(0)
    wide = centred.shape[1] > len(centred)
    gram = centred @ centred.T if wide else centred.T @ centred
    last = len(gram) - 1
    found = eigh(gram, subset_by_index=(last, last))[1][:, 0]
    way = centred.T @ found if wide else found
    size = float(np.linalg.norm(way))
    if not np.ptp(inputs) or size == 0:
        raise FathomError("all inputs are the same: they differ in no direction.")
    sign = np.sign(way[np.abs(way).argmax()])
    return np.asarray(way * sign / size, np.float64)


def filtered(learned: LearnedFunction, widths: Sequence[float] | Floats | None = None) -> Filtered:
    """Errors of the low and the high part, at each step and width."""
    chosen = default_widths(learned.inputs) if widths is None else np.asarray(widths, np.float64)
    wanted = learned.target - learned.target.mean(0)
    values = learned.values - learned.target.mean(0)  # the same for both, or a shift would be lost
    everything = np.concatenate([values, wanted[None]])
    flat = everything.transpose(1, 0, 2).reshape(len(wanted), -1)
    with np.errstate(invalid="ignore", over="ignore"):  # of a training that ended in NaN
        split = [
            _errors(everything, _unflat(each, everything))
            for each in smooth(learned.inputs, flat, chosen)
        ]
    share, low, high = (np.stack(part, -1) for part in zip(*split, strict=True))
    low_step, high_step = (_first_below(learned.steps, error) for error in (low, high))
    verdict, why = _parts_verdict(low_step, high_step)
    return Filtered(chosen, share, low, high, low_step, high_step, verdict, why)


def smooth(inputs: Floats, values: Floats, widths: Floats) -> Iterator[Floats]:
    """Values [example, …] averaged over the examples around each: once for each width."""
    for width in widths:
        parts = []
        for start in range(0, len(inputs), ROWS):
            squares = cdist(inputs[start : start + ROWS], inputs, "sqeuclidean")
            weights = np.exp(-squares / (2 * width**2))
            parts.append(weights / weights.sum(1, keepdims=True) @ values)
        yield np.concatenate(parts)


def default_widths(inputs: Floats) -> Floats:
    """From the usual distance to the nearest neighbour to half of that between any two."""
    some = inputs[:: max(1, len(inputs) // ROWS)]
    apart = np.sort(cdist(some, inputs), axis=1)
    nearest = np.median(apart[:, 1][apart[:, 1] > 0]) if (apart[:, 1] > 0).any() else 0.0
    usual = float(np.median(apart)) / 2
    if usual == 0:
        raise FathomError("half of the inputs are the same: there is nothing to smooth over.")
    found: Floats = np.geomspace(min(float(nearest) or usual / 10, usual / 2), usual, WIDTHS)
    return found


def roughness(learned: LearnedFunction, neighbours: int = NEIGHBOURS) -> Roughness:
    """Of the network at each step and of the target, all outputs together."""
    edges = neighbour_edges(learned.inputs, neighbours)
    with np.errstate(invalid="ignore", over="ignore"):
        values = np.array([rough(each, edges) for each in learned.values])
    chance = 2 * len(edges) / (len(learned.inputs) - 1)
    return Roughness(neighbours, values, rough(learned.target, edges), chance)


def neighbour_edges(inputs: Floats, neighbours: int) -> NDArray[np.int64]:
    """Pairs of which one is among the other's nearest: [edge, 2]"""
    if not 0 < neighbours < len(inputs):
        raise FathomError(f"{len(inputs)} examples do not have {neighbours} neighbours each.")
    found = np.array(cKDTree(inputs).query(inputs, neighbours + 1)[1], np.int64)
    own = np.arange(len(inputs))[:, None]
    # Of copies an example may not be its own first neighbour: it then gives up the farthest.
    missing = ~(found == own).any(1)
    found[missing, -1] = own[missing, 0]
    others = found[found != own].reshape(len(inputs), neighbours)
    pairs = np.stack([np.broadcast_to(own, others.shape), others], -1).reshape(-1, 2)
    return np.unique(np.sort(pairs, 1), axis=0)


def rough(values: Floats, edges: NDArray[np.int64]) -> float:
    """f'Lf / f'f of values [example, output] less their mean; NaN of constants."""
    centred = values - values.mean(0)
    size = float((centred**2).sum()) if np.ptp(values, axis=0).any() else 0.0
    steps = centred[edges[:, 0]] - centred[edges[:, 1]]
    return float((steps**2).sum()) / size if size else np.nan


def _unflat(smoothed: Floats, like: Floats) -> Floats:
    """[example, t and output] as [t, example, output]"""
    steps, examples, outputs = like.shape
    return smoothed.reshape(examples, steps, outputs).transpose(1, 0, 2)


def _errors(whole: Floats, low: Floats) -> tuple[Floats, Floats, Floats]:
    """The target, which comes last, split: its low share; and both parts' errors at each step."""
    high = whole - low
    sizes = [float((part[-1] ** 2).sum()) for part in (low, high)]
    share = sizes[0] / sum(sizes)
    errors = [
        np.sqrt(((part[:-1] - part[-1]) ** 2).sum((1, 2)) / size)
        if size > SLIGHT * sum(sizes)
        else np.full(len(part) - 1, np.nan)
        for part, size in zip((low, high), sizes, strict=True)
    ]
    return np.asarray(share), errors[0], errors[1]


def _first_below(steps: NDArray[np.int64], error: Floats) -> Floats:
    """[width]; infinity where it never is, NaN where it is not known."""
    below = error <= HALF
    first = np.where(below.any(0), steps[below.argmax(0)], np.inf)
    return np.where(np.isnan(error).all(0), np.nan, first)


def _parts_verdict(low: Floats, high: Floats) -> tuple[Verdict, str]:
    """Widths overlap, so they are no independent witnesses: only if all agree is it said."""
    known = ~(np.isnan(low) | np.isnan(high) | (np.isinf(low) & np.isinf(high)))
    earlier, later = (low < high)[known], (low > high)[known]
    count = int(known.sum())
    said = f"of {count} widths the low part is half learnt first at {int(earlier.sum())}"
    if not count:
        return "cannot tell", "at no width are both parts there and one of them half learnt"
    if earlier.all():
        return "low first", said
    if later.all():
        return "high first", f"of {count} widths the high part is half learnt first at all"
    if not earlier.any() and not later.any():
        return "no bias", "both parts are half learnt at the same record at every width"
    return "cannot tell", said


def _unit(direction: Floats, inputs: Floats) -> Floats:
    way = np.asarray(direction, np.float64).reshape(-1)
    size = float(np.linalg.norm(way))
    if len(way) != inputs.shape[1] or not size or not np.isfinite(size):
        raise FathomError(
            f"a direction of {len(way)} numbers and length {size:g} is none among inputs of "
            f"{inputs.shape[1]} features."
        )
    return way / size


def _check(learned: LearnedFunction) -> None:
    if not learned.has_target:
        raise FathomError(
            "what is learnt first is judged against the target, and it is not known here; give "
            "target=, one row an example."
        )
    if np.ptp(learned.target, axis=0).max() == 0:
        raise FathomError("the target is the same for all examples: it has no frequencies.")
