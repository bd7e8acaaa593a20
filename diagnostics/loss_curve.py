"""How losses, score and learning rate went, and the steps at which something happened."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import FathomError, Run, Scalar
from diagnostics.shown import Shown
from diagnostics.signs.learning import chance, learning
from diagnostics.signs.losses import losses
from diagnostics.signs.movement import rate
from diagnostics.signs.spikes import spikes

Kind = Literal["not finite", "skipped", "exception", "resumed", "jump", "best", "rate change"]
KINDS: tuple[Kind, ...] = get_args(Kind)
CHANGE = 1.5  # factor from one recorded rate to the next that is worth a mark …
SUDDEN = 4.0  # … if it is so many times that of its neighbours: else it is part of a schedule
MOST = 12  # of one kind


@dataclass(frozen=True)
class LossCurve(Shown):
    """Arrays are empty, and names too, where nothing of the kind was logged."""

    run: str
    training_name: str
    validation_name: str
    score_name: str
    steps: NDArray[np.int64]  # [t]
    training: NDArray[np.float64]  # [t]  as logged
    smooth: NDArray[np.float64]  # [t]  medians around; NaN where the loss is no number
    validation_steps: NDArray[np.int64]  # [v]
    validation: NDArray[np.float64]  # [v]
    score_steps: NDArray[np.int64]  # [s]
    score: NDArray[np.float64]  # [s]
    rate: NDArray[np.float64]  # [t]  NaN where not known
    chance: float  # what the best constant answer costs; NaN if not known
    happened: NDArray[np.int64]  # [event]  steps, ascending
    kinds: tuple[Kind, ...]  # [event]
    words: tuple[str, ...]  # [event]


def loss_curve(run: Run) -> LossCurve:
    """By the names of what was logged."""
    told = losses(run)
    if told.training is None and told.validation is None:
        raise FathomError(
            f"no loss was logged in '{run.path}' (it has: {', '.join(run.logged) or 'nothing'}); "
            "log it after each step: recorder.log(loss=loss)."
        )
    training, validation, score = map(_whole, (told.training, told.validation, told.score))
    at = training[1]
    events = sorted(_events(run, validation), key=lambda event: event[0])
    return LossCurve(
        run=run.name,
        training_name=training[0],
        validation_name=validation[0],
        score_name=score[0],
        steps=at,
        training=training[2],
        smooth=_smooth(run, training[2]),
        validation_steps=validation[1],
        validation=validation[2],
        score_steps=score[1],
        score=score[2],
        rate=rate(run, at),
        chance=chance(run),
        happened=np.array([step for step, _, _ in events], np.int64),
        kinds=tuple(kind for _, kind, _ in events),
        words=tuple(words for _, _, words in events),
    )


Whole = tuple[str, NDArray[np.int64], NDArray[np.float64]]
Happening = tuple[int, Kind, str]


def _whole(scalar: Scalar | None) -> Whole:
    if scalar is None:
        return "", np.empty(0, np.int64), np.empty(0)
    return scalar.name, scalar.steps, scalar.values


def _smooth(run: Run, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """As the rules see it; the loss itself where it is too short to smooth."""
    progress, finite = learning(run), np.isfinite(values)
    found = np.where(finite, values, np.nan)
    if progress is not None:
        found[finite] = progress.smooth
    return found


def _events(run: Run, validation: Whole) -> Iterator[Happening]:
    told = losses(run).training
    if told is not None:
        yield from _not_finite(told)
        yield from _rate_changes(run, told.steps)
    yield from _recorded(run)
    yield from _jumps(run)
    yield from _best(validation)


def _not_finite(loss: Scalar) -> Iterator[Happening]:
    """The first of each stretch."""
    bad = ~np.isfinite(loss.values)
    starts = np.flatnonzero(bad & ~np.append(False, bad[:-1]))
    for place in starts[:MOST].tolist():
        yield int(loss.steps[place]), "not finite", f"the loss is {loss.values[place]}"


def _recorded(run: Run) -> Iterator[Happening]:
    """What the recorder noticed; of many steps that were skipped the first, with their number."""
    skipped = [event.step for event in run.events if event.kind == "skipped"]
    if len(skipped) > MOST:
        yield skipped[0], "skipped", f"the first of {len(skipped):,} steps that changed nothing"
    else:
        yield from ((step, "skipped", "a step that changed nothing") for step in skipped)
    for event in run.events:
        if event.kind == "exception":
            yield event.step, "exception", event.text
        elif event.kind == "resumed":
            yield event.step, "resumed", event.text


def _jumps(run: Run) -> Iterator[Happening]:
    """The highest of them, if there are many."""
    seen = spikes(run)
    if seen is None:
        return
    for place in np.argsort(-seen.heights)[:MOST].tolist():
        height = f"{seen.heights[place]:.3g} times the first loss"
        yield int(seen.steps[place]), "jump", f"the loss jumped by {height}"


def _best(validation: Whole) -> Iterator[Happening]:
    """Where the validation loss was least."""
    name, steps, values = validation
    if np.isfinite(values).sum() > 1:
        place = int(np.nanargmin(np.where(np.isfinite(values), values, np.nan)))
        yield int(steps[place]), "best", f"the least {name}: {values[place]:.4g}"


def _rate_changes(run: Run, steps: NDArray[np.int64]) -> Iterator[Happening]:
    """Sudden ones: just before and just after, the rate hardly changes."""
    at = run.steps(run.series[0]) if run.series else steps
    rates = rate(run, at)
    before, after = rates[:-1], rates[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.abs(np.log(after / before))
    beside = np.fmax(np.append(0.0, away[:-1]), np.append(away[1:], 0.0))
    places = np.flatnonzero((away > math.log(CHANGE)) & (beside < away / SUDDEN))
    for place in places[:MOST].tolist():
        words = f"the learning rate went from {before[place]:.3g} to {after[place]:.3g}"
        yield int(at[place + 1]), "rate change", words
