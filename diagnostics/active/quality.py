"""How far a run's predictions can be trusted, at one snapshot: scored, and stored part by part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from diagnostics.active.reading import outputs_of
from diagnostics.active.wish import Wish, held_out_of, subject_of
from diagnostics.dropout_findings import Draws
from diagnostics.factory import made_by
from diagnostics.mc_dropout import reading_of
from diagnostics.quality import (
    Doubt,
    Forecast,
    Quality,
    ValueForecast,
    forecast_by_draws,
    forecast_once,
    quality,
)
from diagnostics.run import Run
from diagnostics.store import check_writable, key_part
from diagnostics.uncertainty import TWO_HALVES, Outputs, Reading, uncertainty
from diagnostics.weight_space import About
from probes.folder import FathomError

if TYPE_CHECKING:
    from diagnostics.subject import Subject

FLATTERS = "not held out, and scores of what the network was trained on flatter"


@dataclass(frozen=True)
class Ask:
    """How predictions are made and read, and what they are compared with."""

    draws: int = 0  # with dropout on; 0: one prediction with dropout off
    seed: int = 0
    outputs: Outputs | None = None  # None: as the targets say
    noise: float | Literal["residuals"] | None = None  # standard deviation, where it is known
    output: int | None = None  # which of several values an example, from 1 on
    doubt: Doubt = "entropy"  # that classes are rejected by
    beside: str = ""  # "module:factory" of a batch of data of another kind


def quality_of(run: Run, wish: Wish, ask: Ask) -> Quality:
    """On the recorded batch, or on held-out data; what is found is stored."""
    trained = subject_of(run, wish)
    check_writable(run.path)
    subject = held_out_of(trained, wish) or trained
    ask = replace(ask, outputs=outputs_of(run.path, wish, ask.outputs))
    reading = _reading(trained, ask)
    forecast = _forecast(subject, ask, reading)
    strangers = _strangers(subject, ask, reading)
    about = _told(subject.about, wish, ask)
    found = quality(forecast, _targets(subject), about=about, strangers=strangers, doubt=ask.doubt)
    found.save(run.path, quality_key(subject.about, wish, ask))
    return found


def _targets(subject: Subject) -> NDArray[Any]:
    from diagnostics.subject.targets import targets_of

    return targets_of(subject)


def _told(about: About, wish: Wish, ask: Ask) -> About:
    """The data, with what must be known of them before a score is believed."""
    parts = [about.data, *([] if wish.held_out else [FLATTERS])]
    if ask.noise == "residuals":
        own = "the recorded batch" if wish.held_out else "these examples themselves"
        parts.append(f"noise: root mean square residual of {own}")
    return replace(about, data="; ".join(parts))


def quality_key(about: About, wish: Wish, ask: Ask) -> str:
    """The same for all parts: what was predicted, on what, and how."""
    held_out = f"_{key_part(wish.held_out)}.held.out" if wish.held_out else ""
    beside = f"_vs.{sha256(ask.beside.encode()).hexdigest()[:6]}" if ask.beside else ""
    output = f"_{ask.output}" if ask.output else ""
    how = "drawn" if ask.draws else "plain"
    statistics = about.statistics.replace("-", "")
    return f"step{about.step}_{statistics}{held_out}_{how}{output}{beside}"


def _forecast(subject: Subject, ask: Ask, reading: Reading) -> Forecast:
    if ask.draws:
        drawn = subject.draws(ask.draws, seed=ask.seed)
        _check_random(drawn)
        found = uncertainty(drawn.values, reading)
        return forecast_by_draws(found, ask.output, "draws of dropout")
    predictions = np.concatenate(subject.predict(subject.centre))
    return forecast_once(predictions, reading, ask.output, ", dropout off")


def _check_random(drawn: Draws) -> None:
    """The mean of draws that are all the same would pass for one of an ensemble."""
    if not any(each.p > 0 for each in drawn.fired):
        there = ", ".join(f"'{each.name}' at a rate of {each.p:g}" for each in drawn.fired)
        raise FathomError(
            f"no dropout takes part in the predictions (there are: {there or 'none'}), so all "
            "draws are the same; predict once."
        )


def _strangers(subject: Subject, ask: Ask, reading: Reading) -> Forecast | None:
    """What is predicted for data of another kind, by the same network in the same way."""
    if not ask.beside:
        return None
    forecast = _forecast(subject.beside(made_by(ask.beside), "strangers"), ask, reading)
    if isinstance(forecast, ValueForecast) and forecast.alike:
        raise FathomError(
            "every prediction has the same standard deviation, which tells no data apart; "
            "predict by draws, or with a network that gives its own variance."
        )
    return forecast


def _reading(trained: Subject, ask: Ask) -> Reading:
    reading = Reading(ask.outputs) if ask.outputs else reading_of(trained)
    _check_use(ask, reading)
    if ask.noise != "residuals":
        return replace(reading, noise=ask.noise)
    return replace(reading, noise=residual_noise(trained, ask, reading))


def _check_use(ask: Ask, reading: Reading) -> None:
    """What is asked for in vain would be missed without a word."""
    if reading.classes and (ask.noise is not None or ask.output is not None):
        given = f"noise={ask.noise}" if ask.noise is not None else f"output={ask.output}"
        raise FathomError(
            f"{given} is of values, and {reading.outputs} are classes; leave it out, or say "
            'outputs="values".'
        )
    if not reading.classes and ask.doubt != "entropy":
        raise FathomError(
            f"uncertainty '{ask.doubt}' is of classes; values are rejected by their standard "
            "deviation. Leave it out."
        )
    if ask.noise is not None and reading.outputs in TWO_HALVES:
        raise FathomError(
            f'noise={ask.noise}, and with outputs="{reading.outputs}" the network gives its own; '
            "leave one of them out."
        )


def residual_noise(trained: Subject, ask: Ask, reading: Reading) -> float:
    """The root mean square error on the recorded batch, of predictions with dropout off."""
    if ask.draws or reading.outputs != "values":
        raise FathomError(
            "noise='residuals' is of values that are predicted once; give a number instead."
        )
    predictions = np.concatenate(trained.predict(trained.centre))
    one = forecast_once(predictions, replace(reading, noise=1.0), ask.output)
    return float(np.sqrt(quality(one, _targets(trained)).scoring.scores[2].value))
