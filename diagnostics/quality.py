"""How far predictions with uncertainty can be trusted: every score there is, of one set of them.

Of classes: are they right as often as they are sure? Of values: do intervals hold what they say?
Of both: are the uncertain ones the wrong ones, and are strangers told apart?
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, log_softmax

from diagnostics.calibration import Calibration, calibration
from diagnostics.coverage import Coverage, coverage
from diagnostics.scoring import Integers, Scoring, class_scores, gaussian_scores, scored
from diagnostics.selective import Selective, selective
from diagnostics.store import discard, save
from diagnostics.uncertainty import Reading, Uncertainty, checked, members, noise
from diagnostics.weight_space import About, Floats
from probes.folder import FathomError

Doubt: TypeAlias = Literal["entropy", "confidence"]
DOUBTS = {"entropy": "predictive entropy", "confidence": "1 - probability of the likeliest class"}
WRONG = "1 where the likeliest class is wrong, else 0"


@dataclass(frozen=True)
class ClassForecast:
    """What is said of each example's class before it is known."""

    probabilities: Floats  # [example, class]
    logits: Floats | None  # [example, class]  None: the probabilities are no one softmax
    how: str  # they were made: "predicted with dropout off"

    def doubt(self, wanted: Doubt) -> Floats:
        if wanted == "entropy":
            return np.asarray(entr(self.probabilities).sum(1))
        return np.asarray(1 - self.probabilities.max(1))


@dataclass(frozen=True)
class ValueForecast:
    """A normal distribution for each example's target."""

    mean: Floats  # [example]
    sigma: Floats  # [example]
    how: str
    output: int | None = None  # from 1 on, where an example has several values

    @property
    def alike(self) -> bool:
        """Is it as sure of every example? Then there is no order to reject them in."""
        return bool(np.ptp(self.sigma) <= 1e-9 * self.sigma.max())


Forecast: TypeAlias = ClassForecast | ValueForecast


@dataclass(frozen=True)
class Quality:
    """All that was found; each part is a Result of its own."""

    scoring: Scoring
    calibration: Calibration | None  # of classes
    coverage: Coverage | None  # of values
    selective: Selective | None  # None: every example has the same uncertainty

    @property
    def parts(self) -> tuple[Scoring | Calibration | Coverage | Selective, ...]:
        found = self.scoring, self.calibration, self.coverage, self.selective
        return tuple(each for each in found if each is not None)

    def save(self, folder: str | Path, key: str) -> tuple[Path, ...]:
        """Each part under its own analysis, and all under one key.

        What an earlier one had under it and this has not would be of other predictions.
        """
        for kind in {Calibration, Coverage, Selective} - {type(part) for part in self.parts}:
            discard(folder, kind, key)
        return tuple(save(folder, each, key) for each in self.parts)


def quality(
    forecast: Forecast,
    targets: Any,
    *,
    about: About | None = None,
    strangers: Forecast | None = None,
    doubt: Doubt = "entropy",
) -> Quality:
    """Of forecasts [example] and what came true; `strangers` forecasts for data of another kind."""
    told = _and(about, forecast.how)
    if isinstance(forecast, ClassForecast):
        labels = _labels(targets, forecast)
        others = strangers.doubt(doubt) if isinstance(strangers, ClassForecast) else None
        return _of_classes(_met(forecast, labels), labels[labels >= 0], told, others, doubt)
    sigma = strangers.sigma if isinstance(strangers, ValueForecast) else None
    return _of_values(forecast, _values(targets, forecast), told, sigma)


def _of_classes(
    forecast: ClassForecast,
    labels: Integers,
    about: About | None,
    others: Floats | None,
    doubt: Doubt,
) -> Quality:
    chances = forecast.probabilities
    wrong = (chances.argmax(1) != labels).astype(np.float64)
    return Quality(
        _class_scores(forecast, labels, about),
        calibration(chances, labels, logits=forecast.logits, about=about),
        None,
        selective(
            forecast.doubt(doubt), wrong,
            strangers=others, about=about, names=(DOUBTS[doubt], WRONG),
        ),
    )  # fmt: skip


def _class_scores(forecast: ClassForecast, labels: Integers, about: About | None) -> Scoring:
    """With the NLL of the logits: a probability may have become nought where they have not."""
    found = class_scores(forecast.probabilities, labels, about=about)
    if forecast.logits is None:
        return found
    losses = -log_softmax(forecast.logits, 1)[np.arange(len(labels)), labels]
    return replace(found, scores=(scored("NLL", losses), *found.scores[1:]))


def _of_values(
    forecast: ValueForecast, y: Floats, about: About | None, others: Floats | None
) -> Quality:
    mean, sigma = forecast.mean, forecast.sigma
    if still := int((sigma <= 0).sum()):
        raise FathomError(
            f"{still} of {len(sigma)} examples are predicted with a standard deviation of 0, as if "
            "nothing else could be; give the targets' noise (noise=0.1)."
        )
    found = coverage(mean, sigma, y, about=about)
    scores = gaussian_scores(mean, sigma, y, about)
    if forecast.alike:
        return Quality(scores, None, found, None)
    names = "standard deviation", "squared error"
    rejected = selective(sigma, (mean - y) ** 2, strangers=others, about=about, names=names)
    return Quality(scores, None, found, rejected)


def _and(about: About | None, more: str) -> About | None:
    return None if about is None else replace(about, data=f"{about.data}; {more}")


def _labels(targets: Any, forecast: ClassForecast) -> Integers:
    """[example]; negative: there is none to be met."""
    given, many = np.asarray(targets), len(forecast.probabilities)
    if given.size != many:
        raise FathomError(
            f"targets of shape {list(given.shape)} are no classes of {many} examples; give one "
            "number an example."
        )
    whole: Integers = np.rint(given).astype(np.int64).reshape(-1)
    if (apart := np.abs(whole - given.reshape(-1))).max() > 0:
        first = given.reshape(-1)[int(apart.argmax())]
        raise FathomError(
            f"a target is {first:g}, which is the number of no class; if the network predicts "
            'values, say outputs="values".'
        )
    if (whole < 0).all():
        raise FathomError(f"none of the {many} examples has a class (all are below 0).")
    return whole


def _met(forecast: ClassForecast, labels: Integers) -> ClassForecast:
    """Of the examples that have a class."""
    kept, logits = labels >= 0, forecast.logits
    some = None if logits is None else logits[kept]
    return replace(forecast, probabilities=forecast.probabilities[kept], logits=some)


def _values(targets: Any, forecast: ValueForecast) -> Floats:
    """[example] of the output that is forecast."""
    given, many = np.asarray(targets, np.float64), len(forecast.mean)
    if not given.ndim or len(given) != many:
        raise FathomError(
            f"targets of shape {list(given.shape)} do not fit {many} forecasts; give one each."
        )
    alone = given.size == many
    return given.reshape(-1) if alone else _one(given, forecast.output)


def forecast_by_draws(
    found: Uncertainty, output: int | None = None, who: str = "draws"
) -> Forecast:
    """Of many predictions of each example: their mean, and for values the spread with any noise."""
    how = f"predicted by the mean of {found.draws:,} {who}"
    _check_finite(found.mean.value)
    if found.reading.classes:
        return ClassForecast(_by_class(found.mean.value), None, how)
    whole, also = found.total, ", their spread and the targets' noise"
    if whole is None:
        whole, also = found.epistemic, " and their spread alone: the targets' noise is not known"
    mean, variance = (_one(each, output) for each in (found.mean.value, whole.value))
    if not variance.max() > 0:
        raise FathomError(
            f"all {found.draws} {who} are the same, so they have no spread; predict once, and give "
            "the targets' noise."
        )
    return ValueForecast(mean, np.sqrt(variance), how + also, output)


def forecast_once(
    predictions: NDArray[Any], reading: Reading, output: int | None = None, who: str = ""
) -> Forecast:
    """Of one prediction an example, [example, ...]; for values with the noise that is given."""
    _check_finite(predictions)
    how, draws = f"predicted once{who}", predictions[None]
    checked(np.broadcast_to(draws, (2, *predictions.shape)), reading)
    of_each = members(draws, reading)[0]
    if reading.classes:
        return ClassForecast(_by_class(of_each), _logits(predictions, reading), how)
    variance = noise(draws, reading)
    if variance is None:
        raise FathomError(
            "one prediction an example has no uncertainty; give the standard deviation of the "
            'targets\' noise (noise=0.1), predict by draws, or say outputs="mean, variance" if '
            'the network gives its own, outputs="one logit" if it tells two classes apart.'
        )
    sigma = np.sqrt(_one(variance[0], output))
    return ValueForecast(_one(of_each, output), sigma, f"{how}, {_whose(reading)}", output)


def _check_finite(predictions: NDArray[Any]) -> None:
    """Minus infinity is the logit of a class that is ruled out: that is no mishap."""
    if holes := int((np.isnan(predictions) | (predictions == np.inf)).sum()):
        raise FathomError(
            f"{holes} of {predictions.size} predicted numbers are not finite; choose a snapshot "
            "from before that, or leave out the data that it happens on."
        )


def _whose(reading: Reading) -> str:
    if reading.noise is None or reading.outputs != "values":
        return "with the network's own variance"
    return f"with the standard deviation {reading.noise:.4g} for all"


def _by_class(probabilities: Floats) -> Floats:
    """[example, class]: one prediction an example."""
    classes = probabilities.shape[-1]
    if probabilities.size != len(probabilities) * classes:
        raise FathomError(
            f"predictions of shape {list(probabilities.shape)} hold more than one class an "
            "example, and scores are of one each; leave out what is predicted inside an example."
        )
    return probabilities.reshape(-1, classes)


def _logits(predictions: NDArray[Any], reading: Reading) -> Floats | None:
    """None where there are none, or where a class is ruled out: no temperature lets it in."""
    if reading.outputs == "probabilities" or np.isinf(predictions).any():
        return None
    scores = np.asarray(predictions, np.float64)
    if reading.outputs == "one logit":
        one = scores.reshape(-1)
        return np.stack([np.zeros_like(one), one], 1)
    return _by_class(np.moveaxis(scores, reading.class_axis, -1))


def _one(values: Floats, output: int | None) -> Floats:
    """[example] of one output."""
    rows = np.asarray(values, np.float64).reshape(len(values), -1)
    many = rows.shape[1]
    if output is None and many > 1:
        raise FathomError(
            f"an example has {many} predicted values; choose one: output=1 to {many}."
        )
    if not 1 <= (chosen := output or 1) <= many:
        raise FathomError(
            f"there is no output={chosen}: an example's predicted values count from 1 to {many}."
        )
    return rows[:, chosen - 1]
