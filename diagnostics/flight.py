"""What a preflight found: each check's answer, and the findings worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from diagnostics.finding import SEVERITIES, Evidence, Finding, Severity

Outcome = Literal["fine", "finding", "skipped"]

# What a disease brings with it before the first step: the cause alone is to be mended.
EXPLAINS: dict[str, tuple[str, ...]] = {
    "nan_inputs": ("nonfinite_loss", "fp16_overflow"),
    "constant_inputs": ("dead_features", "dead_relu", "underfitting"),
    "unnormalised_inputs": (
        *("saturated_activations", "dead_relu", "bad_init_scale", "lr_too_high"),
        *("exploding_gradient", "vanishing_gradient", "underfitting", "fp16_overflow"),
    ),
    "data_outliers": ("lr_too_high", "bad_init_scale"),
    "unnormalised_targets": ("bad_init_scale", "lr_too_high", "exploding_gradient", "underfitting"),
    "symmetric_init": ("vanishing_gradient", "dead_relu", "underfitting"),
    "exploding_gradient": ("lr_too_high", "dead_relu"),
    "lr_too_high": ("dead_relu", "saturated_activations", "underfitting"),
    "bad_init_scale": (
        *("exploding_gradient", "vanishing_gradient", "saturated_activations"),
        *("lr_too_high", "dead_relu"),
    ),
    "vanishing_gradient": ("underfitting", "lr_too_low"),
    "wrong_gradient": ("underfitting", "lr_too_high"),
    "params_not_in_optimizer": ("underfitting", "lr_too_low"),
    "frozen_parameters": ("underfitting", "lr_too_low"),
    "graph_detached": ("underfitting", "lr_too_low"),
    "optimiser_misconfigured": ("underfitting", "lr_too_low"),
    "stale_momentum": ("underfitting", "lr_too_high"),
    "excess_weight_decay": ("underfitting",),
    "double_softmax": ("underfitting", "output_range_mismatch"),
    "output_range_mismatch": ("underfitting",),
    "excess_dropout": ("underfitting",),
    "misplaced_dropout": ("underfitting",),
    "bn_small_batch": ("lr_too_high", "underfitting"),
    "fp16_overflow": ("nonfinite_loss",),
    "missing_nonlinearity": ("underfitting",),
}


@dataclass(frozen=True)
class Check:
    """One question asked of a model before its training, and the answer."""

    name: str
    outcome: Outcome
    told: str  # one sentence
    numbers: tuple[Evidence, ...]
    seconds: float
    findings: tuple[Finding, ...] = ()  # hints too, which leave the outcome as it is


@dataclass(frozen=True)
class Preflight:
    """What every check said of one model, its loss, its batch and its optimizer."""

    model: str  # its class, and its size in words
    checks: tuple[Check, ...]
    seconds: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Errors and warnings, worst first."""
        return tuple(each for each in self._all() if each.severity != "hint")

    @property
    def hints(self) -> tuple[Finding, ...]:
        """What is unusual, and may be meant."""
        return tuple(each for each in self._all() if each.severity == "hint")

    def _all(self) -> list[Finding]:
        told = explained(once(found for check in self.checks for found in check.findings))
        return sorted(told, key=lambda f: (bool(f.because_of), _rank(f), -f.confidence))


def once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """One finding a disease: the worst, the first of its kind."""
    kept: dict[str, Finding] = {}
    for each in findings:
        before = kept.get(each.disease)
        if before is None or _rank(each) < _rank(before):
            kept[each.disease] = each
    return iter(kept.values())


def explained(findings: Iterable[Finding]) -> list[Finding]:
    """Each finding that another one brings with it says which."""
    told = [*findings]
    causes = {each.disease for each in told if each.severity != "hint"}
    return [replace(each, because_of=_cause(each.disease, causes)) for each in told]


def _cause(disease: str, causes: set[str]) -> str:
    return next((c for c, brings in EXPLAINS.items() if c in causes and disease in brings), "")


def outcome_of(findings: Iterable[Finding]) -> Outcome:
    return "finding" if any(f.severity != "hint" for f in findings) else "fine"


class Words(NamedTuple):
    """What is said of a finding."""

    symptom: str
    cause: str
    remedy: str


def noticed(  # noqa: PLR0913, PLR0917  (a finding has that many parts)
    disease: str,
    severity: Severity,
    words: Words,
    numbers: Iterable[Evidence],
    layers: Iterable[str] = (),
    confidence: float = 0.95,
) -> Finding:
    """A finding of before the first step."""
    return Finding(
        disease=disease,
        severity=severity,
        **words._asdict(),
        evidence=tuple(numbers),
        layers=tuple(layers),
        steps=(0, 0),
        confidence=confidence,
        panel="",
    )


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)
