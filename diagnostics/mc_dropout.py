"""Dropout left on at prediction: how far the draws disagree, and which dropouts make them.

The spread is that of the dropout ensemble. It is not what more data would take away: in a linear
network it depends on the weights alone, however many examples they were trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diagnostics.dropout_findings import Draws, Fired, findings_of
from diagnostics.finding import Finding
from diagnostics.predictive_likelihood import (
    Likelihood,
    log_likelihoods,
    mean_of_known,
    predictive_likelihood,
)
from diagnostics.shown import Shown
from diagnostics.uncertainty import (
    FEWEST,
    Estimate,
    Reading,
    Uncertainty,
    average_apart,
    joint_covariance,
    members,
    uncertainty,
    worth_keeping,
)
from diagnostics.weight_space import About, Floats, Predictor
from probes.folder import FathomError

Masks: TypeAlias = Literal["independent", "shared"]
COVARIED = 512  # numbers predicted in all, up to which their covariance is kept


class Randomised(Predictor, Protocol):
    """A subject that can predict with its dropouts on."""

    def draws(
        self,
        count: int,
        *,
        seed: int = 0,
        masks: Masks = "independent",
        only: Sequence[str] | None = None,
        p: float | None = None,
    ) -> Draws: ...


@dataclass(frozen=True)
class Plan:
    """How draws are made, and what else is asked of them."""

    seed: int = 0
    masks: Masks = "independent"  # "shared": one for all examples, so that a draw is a function
    each: bool = False  # every dropout alone, too
    rates: tuple[float, ...] = ()  # that every dropout is set to, one after the other


@dataclass(frozen=True)
class Dropout:
    """One random operation, and what it does alone."""

    name: str
    op: str
    p: float
    times: int  # draws that it took part in
    behind: str  # the parameter before it on the way from the inputs: "3.weight"
    alone: Estimate | None  # epistemic part with it alone, averaged over the examples
    where: Floats | None  # [example, ...]  the same of each
    kept: NDArray[Any] | None = None  # [draw, example, ...]  raw, with it alone

    @property
    def called(self) -> str:
        """A place in nn.Sequential says by itself too little: "dropout 2"."""
        return self.name if any(map(str.isalpha, self.name)) else f"{self.op} {self.name}"


@dataclass(frozen=True)
class Sweep:
    """Every dropout set to one rate after another; the weights stay as they were trained."""

    p: Floats  # [rate]
    epistemic: Estimate  # [rate]  averaged over the examples
    log_likelihood: Estimate | None  # [rate]  mean, where there are targets


@dataclass(frozen=True)
class McDropout(Shown):
    """The dropout ensemble beside the network without dropout."""

    about: About
    plan: Plan
    how: str  # the draws were made
    seconds: float  # that took
    uncertainty: Uncertainty
    plain: Floats  # [example, ...]  values or probabilities without dropout
    gap: Floats | None  # [example, ...]  mean less plain, in standard errors; None: unlike shapes
    dropouts: tuple[Dropout, ...]
    sweep: Sweep | None
    targets: NDArray[Any] | None
    likelihood: Likelihood | None
    plain_log_likelihood: float  # mean, without dropout; NaN without targets
    covariance: Estimate | None  # [number, number]  of shared masks, where the numbers are few
    kept: NDArray[Any]  # [draw, example, ...]  raw, the first or all
    findings: tuple[Finding, ...]

    @property
    def far(self) -> float:
        """Share of predictions whose ensemble mean is over 3 standard errors from the plain one."""
        return float((np.abs(self.gap) > 3).mean()) if self.gap is not None else np.nan


@dataclass(frozen=True)
class _Asked:
    """Of what, how many, and how they are read."""

    subject: Randomised
    count: int
    reading: Reading
    plan: Plan
    targets: NDArray[Any] | None

    def draws(self, only: Sequence[str] | None = None, p: float | None = None) -> Draws:
        """With the same random numbers whatever else differs."""
        plan = self.plan
        return self.subject.draws(self.count, seed=plan.seed, masks=plan.masks, only=only, p=p)

    def likelihood(self, values: NDArray[Any]) -> Likelihood | None:
        if not self.scored:
            return None
        return predictive_likelihood(values, self._targets, self.reading)

    def plain_likelihood(self, plain: NDArray[Any]) -> float:
        if not self.scored:
            return np.nan
        return mean_of_known(log_likelihoods(plain[None], self._targets, self.reading))

    @property
    def scored(self) -> bool:
        """Are there targets, and is it known how likely they are about a prediction?"""
        return self.targets is not None and self.reading.likely

    @property
    def _targets(self) -> NDArray[Any]:
        return np.asarray(self.targets)


def mc_dropout(
    subject: Randomised,
    draws: int = 100,
    *,
    reading: Reading | None = None,
    targets: NDArray[Any] | None = None,
    plan: Plan | None = None,
) -> McDropout:
    """By as many predictions with dropout on.

    A subject whose targets are classes is read as logits, and has the targets itself. Others are
    read as values; say otherwise, or their noise, with a `reading`.
    """
    if draws < FEWEST:
        raise FathomError(f"draws={draws} have no spread with an error; make {FEWEST} at least.")
    reading = reading or reading_of(subject)
    targets = subject.classes if targets is None and reading.classes else targets
    return _of(_Asked(subject, draws, reading, plan or Plan(), targets))


def reading_of(subject: Randomised) -> Reading:
    """As the subject's own targets say."""
    return Reading("logits" if "accuracy" in subject.measures else "values")


def _of(asked: _Asked) -> McDropout:
    subject, drawn = asked.subject, asked.draws()
    found = uncertainty(drawn.values, asked.reading)
    like = drawn.values.shape[1:] == drawn.plain.shape
    with np.errstate(invalid="ignore"):  # what is not finite is told of
        plain = members(drawn.plain[None], asked.reading)[0] if like else drawn.plain.astype(float)
    gap = scaling_gap(found.mean, plain, drawn.values.dtype) if like else None
    passes = [np.concatenate(subject.predict(subject.centre)) for _ in range(2)]
    joint = asked.plan.masks == "shared" and drawn.plain.size <= COVARIED
    return McDropout(
        about=subject.about,
        plan=asked.plan,
        how=drawn.how,
        seconds=drawn.seconds,
        uncertainty=found,
        plain=plain,
        gap=gap,
        dropouts=tuple(_alone(asked, fired) for fired in drawn.fired),
        sweep=_sweep(asked) if asked.plan.rates else None,
        targets=asked.targets,
        likelihood=asked.likelihood(drawn.values),
        plain_log_likelihood=asked.plain_likelihood(drawn.plain) if like else np.nan,
        covariance=joint_covariance(members(drawn.values, asked.reading)) if joint else None,
        kept=worth_keeping(drawn.values),
        findings=findings_of(subject.about, drawn, passes, found, gap),
    )


def fewer(found: McDropout, draws: int) -> McDropout:
    """As it would be seen with the first so many of the draws that are kept."""
    return _seen_by(found, found.kept[:draws])


def alone(found: McDropout, dropout: Dropout) -> McDropout:
    """As it is with one dropout on and all others off, by the draws that are kept of it."""
    if dropout.kept is None:
        raise FathomError(
            f"no draws are kept of '{dropout.name}' alone; make them with Plan(each=True)."
        )
    return _seen_by(found, dropout.kept)


def _seen_by(found: McDropout, draws: NDArray[Any]) -> McDropout:
    seen = uncertainty(draws, found.uncertainty.reading)
    return replace(found, uncertainty=seen, kept=draws)


def scaling_gap(mean: Estimate, plain: Floats, precision: np.dtype[Any]) -> Floats:
    """How far the mean of the ensemble is from the network that scales its weights instead.

    NaN where both are the same to rounding, or the error is not known.
    """
    rounding = 32 * np.finfo(precision).eps * np.abs(plain).max()
    apart = mean.value - plain
    known = np.maximum(np.abs(apart), mean.error) > rounding
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known, apart / mean.error, np.nan)


def _alone(asked: _Asked, fired: Fired) -> Dropout:
    """What one dropout does with all others off, where that is asked."""
    average, where, kept = None, None, None
    if asked.plan.each:
        values = asked.draws(only=[fired.name]).values
        found = uncertainty(values, asked.reading)
        average, where, kept = found.average, found.epistemic.value, worth_keeping(values)
    p = float(fired.p)
    return Dropout(fired.name, fired.op, p, fired.times, fired.behind, average, where, kept)


def _sweep(asked: _Asked) -> Sweep:
    estimates, likelihoods = [], []
    for p in asked.plan.rates:
        values = asked.draws(p=p).values
        estimates.append(average_apart(values, asked.reading))
        likelihoods.append(asked.likelihood(values))
    logs = [each.mean for each in likelihoods if each is not None]
    return Sweep(np.array(asked.plan.rates), _stacked(estimates), _stacked(logs) if logs else None)


def _stacked(estimates: Sequence[Estimate]) -> Estimate:
    value = np.array([each.value for each in estimates])
    return Estimate(value, np.array([each.error for each in estimates]))
