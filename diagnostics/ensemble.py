"""Several trained networks together: the last weights of many runs, or many snapshots of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from diagnostics.draw_findings import (
    Told,
    all_alike,
    gathered,
    normalised,
    not_finite,
    repeated,
    told,
)
from diagnostics.finding import Evidence, Finding
from diagnostics.predictive_likelihood import (
    Likelihood,
    log_likelihoods,
    mean_of_known,
    predictive_likelihood,
)
from diagnostics.shown import Shown
from diagnostics.uncertainty import (
    Estimate,
    Reading,
    Uncertainty,
    members,
    uncertainty,
    worth_keeping,
)
from diagnostics.weight_space import About, Floats, Predictor
from probes.folder import FathomError

Kind: TypeAlias = Literal["runs", "snapshots", "predictions"]

IDENTICAL = Told(
    "identical_members",
    "error",
    "The members have the same weights: one checkpoint, or one seed, was taken several times.",
    "Give runs with seeds of their own, or snapshots of different steps.",
)
OTHER_DATA = Told(
    "members_of_unknown_data",
    "hint",
    "Each member predicts the examples that its own recording holds, and nothing tells that these "
    "are the same.",
    "Put every member on the same examples: subject.on(batch), or first.at(other_run).",
)


@dataclass(frozen=True)
class Gain:
    """Mean squared error by a mean of so many members, over all choices of these: exactly.

    Summed over a prediction's outputs; of classes Brier's score. The errors are those of having so
    many examples and no more.
    """

    members: NDArray[np.int64]  # [size]
    error: Estimate  # [size]
    gained: Estimate  # [size]  what averaging takes off the error of one, example by example
    limit: Estimate  # of a mean of infinitely many such members: what they get wrong together
    correlation: float  # of two members' errors: the share that averaging cannot take away


@dataclass(frozen=True)
class Ensemble(Shown):
    """Members on the same examples, in the same shape as draws of dropout."""

    about: About  # of the first member
    kind: Kind
    names: tuple[str, ...]  # [member]
    uncertainty: Uncertainty
    distance: Floats  # [member, member]  root mean square, or share of unlike classes
    targets: NDArray[Any] | None
    gain: Gain | None
    likelihood: Likelihood | None
    member_log_likelihood: Floats  # [member]  mean of each alone; NaN without targets
    kept: NDArray[Any]  # [member, example, ...]  raw, the first or all
    findings: tuple[Finding, ...]


def ensemble(
    given: Iterable[Predictor] | NDArray[Any],
    *,
    reading: Reading | None = None,
    targets: NDArray[Any] | None = None,
    names: Sequence[str] = (),
) -> Ensemble:
    """Of subjects, one at a time, or of predictions [member, example, ...].

    Runs: `(run.subject() for run in runs)`. Snapshots of one, each with running statistics of its
    own: `(run.subject(step) for step in run.subject().snapshots)`.
    """
    if isinstance(given, np.ndarray):
        about = _about(given)
        names = names or [f"member {n + 1}" for n in range(len(given))]
        return _of(given, _Said((about,), tuple(names), targets), reading or Reading())
    predictions, said, own = _gathered(given, targets)
    said = _Said(said.about, tuple(names) or said.names, said.targets)
    return _of(predictions, said, reading or own)


@dataclass(frozen=True)
class _Said:
    """What is told of members beside their predictions."""

    about: tuple[About, ...]
    names: tuple[str, ...]
    targets: NDArray[Any] | None


def _about(predictions: NDArray[Any]) -> About:
    count, precision = predictions.shape[1], str(predictions.dtype)
    return About("", -1, "predictions given", count, 0, 0, "unknown", precision, "")


def _gathered(
    subjects: Iterable[Predictor], targets: NDArray[Any] | None
) -> tuple[NDArray[Any], _Said, Reading]:
    """Each predicts and may go."""
    predictions, abouts, classes = [], [], []
    reading = Reading()
    for subject in subjects:
        predictions.append(np.concatenate(subject.predict(subject.centre)))
        abouts.append(subject.about)
        classes.append(subject.classes)
        reading = Reading("logits" if "accuracy" in subject.measures else "values")
    _check_alike(predictions, classes)
    targets = classes[0] if targets is None and reading.classes else targets
    names = tuple(_name(about, n) for n, about in enumerate(abouts))
    return np.stack(predictions), _Said(tuple(abouts), names, targets), reading


def _name(about: About, place: int) -> str:
    return f"step {about.step} of {about.run}" if about.run else f"member {place + 1}"


def _check_alike(
    predictions: Sequence[NDArray[Any]], classes: Sequence[NDArray[np.int64] | None]
) -> None:
    if len(predictions) < 2:
        raise FathomError(f"{len(predictions)} members are no ensemble; give two at least.")
    shapes = {each.shape for each in predictions}
    if len(shapes) > 1:
        raise FathomError(
            f"the members predict in shapes {', '.join(map(str, sorted(shapes)))}; give networks "
            "of as many outputs, on the same examples: subject.on(batch)."
        )
    known = [each for each in classes if each is not None]
    if any(not np.array_equal(each, known[0]) for each in known[1:]):
        raise FathomError(
            "the members' examples are of unlike classes; put them on the same examples: "
            "subject.on(batch)."
        )


def _of(predictions: NDArray[Any], said: _Said, reading: Reading) -> Ensemble:
    found, targets = uncertainty(predictions, reading), said.targets
    if len(said.names) != len(predictions):
        raise FathomError(f"{len(said.names)} names for {len(predictions)} members; give each one.")
    each, scored = members(predictions, reading), targets is not None and reading.likely
    alone = np.full(len(predictions), np.nan)
    if targets is not None and scored:
        logs = log_likelihoods(predictions, targets, reading)
        alone = np.array([mean_of_known(log) for log in logs])
    return Ensemble(
        about=said.about[0],
        kind=_kind(said.about),
        names=said.names,
        uncertainty=found,
        distance=distances(each, reading),
        targets=targets,
        gain=None if targets is None else gain(errors(each, targets, reading)),
        likelihood=predictive_likelihood(predictions, targets, reading)
        if targets is not None and scored
        else None,
        member_log_likelihood=alone,
        kept=worth_keeping(predictions),
        findings=_findings(predictions, said, reading),
    )


def _kind(abouts: Sequence[About]) -> Kind:
    if len(abouts) == 1:
        return "predictions"
    return "snapshots" if len({about.run for about in abouts}) == 1 and abouts[0].run else "runs"


def distances(each: Floats, reading: Reading) -> Floats:
    """Between every two members."""
    if reading.classes:
        named = each.argmax(-1).reshape(len(each), -1)
        return np.array([(named != other).mean(1) for other in named])
    rows = each.reshape(len(each), -1)
    return np.array([np.sqrt(((rows - other) ** 2).mean(1)) for other in rows])


def errors(each: Floats, targets: NDArray[Any], reading: Reading) -> Floats:
    """By how much each member misses: [member, target, ...], without those not to be met."""
    if not reading.classes:
        if targets.size != each[0].size:
            raise FathomError(
                f"targets of shape {targets.shape} do not fit predictions of shape "
                f"{each[0].shape}; give one for each."
            )
        return np.asarray(each - targets.reshape(each.shape[1:]))
    flat, aimed = each.reshape(len(each), -1, each.shape[-1]), targets.astype(np.int64).ravel()
    met = aimed >= 0
    return np.asarray(flat[:, met] - np.eye(each.shape[-1])[aimed[met]])


def gain(missed: Floats) -> Gain:
    """The mean of m errors, squared, is c + (v - c) / m on average over the choices of m members.

    v is a member's own mean square, c the mean product of two members'.
    """
    count, examples = missed.shape[:2]
    rows = missed.reshape(count, examples, -1)
    own = (rows**2).sum(-1).mean(0)  # [example]
    together = (rows.sum(0) ** 2).sum(-1) - count * own
    shared = together / (count * (count - 1))
    sizes = np.arange(1, count + 1)
    curve = shared + (own - shared) / sizes[:, None]  # [size, example]
    correlation = float(shared.mean() / own.mean()) if own.any() else np.nan
    return Gain(
        members=sizes,
        error=_over_examples(curve),
        gained=_over_examples(curve[0] - curve),
        limit=_over_examples(shared),
        correlation=correlation,
    )


def _over_examples(each: Floats) -> Estimate:
    count = each.shape[-1]
    spread = each.std(-1, ddof=1) if count > 1 else np.full(each.shape[:-1], np.nan)
    return Estimate(np.asarray(each.mean(-1)), np.asarray(spread / np.sqrt(count)))


def _findings(predictions: NDArray[Any], said: _Said, reading: Reading) -> tuple[Finding, ...]:
    about = said.about[0]
    looks = (
        _identical(predictions, about),
        _of_members(not_finite(predictions, about)),
        normalised(predictions, reading, about),
        _of_members(repeated(predictions, about)),
        _other_data(said),
    )
    return gathered("ensemble", looks)


def _of_members(found: Finding | None) -> Finding | None:
    """What is told of draws, told of members."""
    return found and replace(found, symptom=found.symptom.replace(" draws ", " members "))


def _identical(predictions: NDArray[Any], about: About) -> Finding | None:
    if not all_alike(predictions):
        return None
    symptom = f"all {len(predictions)} members predict the same."
    return told(IDENTICAL, about, symptom, Evidence("distinct members", 1.0, 2.0, "below"))


def _other_data(said: _Said) -> Finding | None:
    """The key tells the data; where it differs, equal classes tell enough."""
    keys = {about.key for about in said.about}
    if len(keys) == 1 or said.targets is not None:
        return None
    symptom = f"the {len(said.about)} members are of {len(keys)} programs or sets of data."
    return told(OTHER_DATA, said.about[0], symptom)
