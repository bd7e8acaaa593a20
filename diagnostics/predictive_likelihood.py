"""How likely the targets are by all draws together: the mean of likelihoods, not of logarithms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax, logsumexp

from diagnostics.uncertainty import Estimate, Reading, averaged, classes_last, members, noise
from diagnostics.weight_space import Floats
from probes.folder import FathomError


@dataclass(frozen=True)
class Likelihood:
    """Log likelihood of the targets, in nats; it goes on rising with the number of draws."""

    draws: int
    log: Estimate  # [example, ...]  NaN where no target is to be met
    bias: Floats  # [example, ...]  to first order what more draws would still add, negated
    mean: Estimate  # over all targets to be met
    mean_bias: float
    single: float  # mean log likelihood by one draw: what averaging gains beyond


def predictive_likelihood(
    draws: NDArray[Any], targets: NDArray[Any], reading: Reading
) -> Likelihood:
    """logsumexp over draws, less log T.

    The logarithm of a mean of T is low by Var(w) / 2T E(w)², w being the likelihood by one draw.
    """
    logs = log_likelihoods(draws, targets, reading)
    count = len(logs)
    with np.errstate(invalid="ignore"):
        log = logsumexp(logs, 0) - np.log(count)
        weights = np.exp(logs - log)  # [draw, example, ...]  1 on average
    met = np.isfinite(log)
    of_each = averaged(weights)
    of_all = averaged(weights[:, met].mean(1) if met.any() else np.full(count, np.nan))
    bias = np.asarray(-(of_each.error**2) / 2)
    return Likelihood(
        draws=count,
        log=Estimate(np.asarray(log), of_each.error),
        bias=bias,
        mean=Estimate(np.asarray(mean_of_known(log)), of_all.error),
        mean_bias=mean_of_known(bias),
        single=mean_of_known(logs.mean(0)),
    )


def mean_of_known(values: NDArray[Any]) -> float:
    """Of those that are not NaN."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else np.nan


def log_likelihoods(draws: NDArray[Any], targets: NDArray[Any], reading: Reading) -> Floats:
    """The target's log likelihood by each draw: [draw, example, ...]."""
    if reading.classes:
        return _of_classes(log_probabilities(draws, reading), targets)
    variance = noise(draws, reading)
    if variance is None:
        raise FathomError(
            "a likelihood of values needs the noise about them; give Reading(noise=...), or a "
            "network that predicts it."
        )
    means = members(draws, reading)
    aimed = _fitting(np.asarray(targets, np.float64), means.shape[1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = -((aimed - means) ** 2 / variance + np.log(2 * np.pi * variance)) / 2
    return found


def log_probabilities(draws: NDArray[Any], reading: Reading) -> Floats:
    """[draw, example, ..., class]: exact where probabilities would be rounded to nought."""
    found = np.asarray(draws, np.float64)
    if reading.outputs == "one logit":
        return np.stack([log_expit(-found), log_expit(found)], -1)
    found = classes_last(found, reading)
    if reading.outputs == "logits":
        return np.asarray(log_softmax(found, -1))
    with np.errstate(divide="ignore"):
        return np.log(found)


def _of_classes(logs: Floats, targets: NDArray[Any]) -> Floats:
    """Those of the targets' classes; NaN where a target is negative, which none is to meet."""
    aimed = _fitting(np.asarray(targets).astype(np.int64), logs.shape[1:-1])
    if aimed.max(initial=0) >= logs.shape[-1]:
        raise FathomError(
            f"class {aimed.max()} is not among the {logs.shape[-1]} that are predicted; give "
            "targets that are numbers of these."
        )
    where = np.broadcast_to(aimed.clip(0), logs.shape[:-1])[..., None]
    found = np.take_along_axis(logs, where, -1)[..., 0]
    return np.where(aimed < 0, np.nan, found)


def _fitting(targets: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if targets.size != int(np.prod(shape)):
        raise FathomError(
            f"targets of shape {targets.shape} do not fit predictions of shape {shape}; give one "
            "for each."
        )
    return targets.reshape(shape)
