"""What is wrong with draws themselves: all alike, some alike, not finite, or too few."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, Severity
from diagnostics.uncertainty import Reading, Uncertainty
from diagnostics.weight_space import About

COARSE = 0.10  # standard error of the spread, as a share of it, beyond which pictures mislead


@dataclass(frozen=True)
class Told:
    """Cause and remedy: what is said of a disease wherever it is seen."""

    disease: str
    severity: Severity
    cause: str
    remedy: str


NOT_FINITE = Told(
    "draws_not_finite",
    "error",
    "The network's predictions overflow, or are NaN, under some of the draws.",
    "Look for infinities in its weights and inputs; where a prediction is masked by -inf on "
    "purpose, leave it out.",
)
NORMALISED = Told(
    "probabilities_as_logits",
    "warning",
    "The predictions are not below 0 and sum to 1, so they are probabilities already; a softmax "
    "of these makes every class nearly as likely as the others.",
    'Say Reading(outputs="probabilities"); and if the loss takes logits, remove the softmax from '
    "the model.",
)
REPEATED = Told(
    "repeated_draws",
    "warning",
    "Random numbers are repeated between draws, or so few of them matter that chance repeats them.",
    "Give members seeds of their own. If few units are dropped, every combination of them may "
    "have been seen: then count the distinct ones.",
)
TOO_FEW = Told(
    "too_few_draws",
    "hint",
    "The standard error of a spread falls with the root of the number of draws alone.",
    "Make more draws, as many as are told.",
)


def told(
    of: Told, about: About, symptom: str, *evidence: Evidence, layers: tuple[str, ...] = ()
) -> Finding:
    """One of these diseases, seen at the snapshot that the numbers are of; of no panel yet."""
    return Finding(
        disease=of.disease,
        severity=of.severity,
        symptom=symptom,
        cause=of.cause,
        remedy=of.remedy,
        evidence=evidence,
        layers=layers,
        steps=(about.step, about.step),
        confidence=1.0,
        panel="",
    )


def gathered(panel: str, looks: Iterable[Finding | None]) -> tuple[Finding, ...]:
    """Those that found something, and where it is to be seen."""
    return tuple(replace(look, panel=panel) for look in looks if look is not None)


def distinct(draws: NDArray[Any]) -> int:
    """How many draws there are that differ, to the bit."""
    return len({np.ascontiguousarray(draw).tobytes() for draw in draws})


def all_alike(draws: NDArray[Any]) -> bool:
    """To rounding: the same sum may be added up in another order in another draw."""
    with np.errstate(invalid="ignore"):  # what is not finite is not alike
        spread = np.abs(draws - draws[0]).max()
    precision = np.finfo(np.result_type(draws, np.float16))
    return bool(spread <= 32 * precision.eps * np.abs(draws[0]).max())


def not_finite(draws: NDArray[Any], about: About) -> Finding | None:
    lost = int((~np.isfinite(draws)).reshape(len(draws), -1).any(1).sum())
    if not lost:
        return None
    symptom = f"{lost} of {len(draws)} draws hold predictions that are not finite."
    return told(NOT_FINITE, about, symptom, Evidence("draws not finite", float(lost), 0.0, "above"))


def repeated(draws: NDArray[Any], about: About) -> Finding | None:
    """Some alike, not all: that all are is another disease."""
    differ = distinct(draws)
    if differ == len(draws) or all_alike(draws):
        return None
    symptom = f"of {len(draws)} draws only {differ} differ."
    shown = Evidence("distinct draws", float(differ), float(len(draws)), "below")
    return told(REPEATED, about, symptom, shown)


def normalised(draws: NDArray[Any], reading: Reading, about: About) -> Finding | None:
    if reading.outputs != "logits":
        return None
    axis = reading.class_axis + (reading.class_axis >= 0)
    off = float(np.abs(draws.sum(axis, dtype=np.float64) - 1).max())
    if (draws < 0).any() or not off < 1e-3:
        return None
    symptom = "what is read as logits are probabilities."
    return told(NORMALISED, about, symptom, Evidence("largest |sum - 1|", off, 1e-3, "below"))


def too_few(found: Uncertainty, about: About) -> Finding | None:
    if not found.relative > COARSE:
        return None
    symptom = (
        f"with {found.draws} draws the spread of the median example is known to "
        f"{found.relative:.0%} only; 5 % needs about {found.needed}."
    )
    return told(
        TOO_FEW, about, symptom, Evidence("relative error", found.relative, COARSE, "above")
    )
