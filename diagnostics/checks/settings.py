"""The optimizer's own numbers, each beside the range in which it works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.setup import Setup
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.settings")
DECOUPLED = ("AdamW", "NAdamW", "Lion", "SGDW", "Adafactor")  # decay is lr · wd, past the gradient


def settings(setup: Setup) -> Answer:
    """Is any constant of the optimizer far from where it works?"""
    if not setup.optimizers:
        raise CannotAsk("no optimizer was given")
    findings, told = [], []
    for optimizer in setup.optimizers:
        for group in optimizer.param_groups:
            findings += [*_judged(optimizer, group)]
        told.append(f"{type(optimizer).__name__}, lr {number(optimizer.param_groups[0]['lr']):.3g}")
    numbers = tuple(evidence for finding in findings for evidence in finding.evidence)
    return Answer("; ".join(told) + ".", numbers, tuple(findings))


def number(value: Any) -> float:
    """A rate may be a tensor."""
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def momentum_of(group: dict[str, Any]) -> float:
    """Of the first moment, by either name."""
    return number(group["betas"][0]) if "betas" in group else number(group.get("momentum", 0.0))


def shrinks(optimizer: Optimizer, group: dict[str, Any]) -> float:
    """The share of itself that a weight loses at each step by decay alone, were nothing else."""
    decay, rate = number(group.get("weight_decay", 0.0)), number(group["lr"])
    name = type(optimizer).__name__
    if name in DECOUPLED or group.get("decoupled_weight_decay"):
        return decay * rate
    if "betas" in group:  # Adam makes a step of the rate's length of it, however small
        return 0.0
    return decay * rate / max(1e-12, 1 - momentum_of(group))


def _judged(optimizer: Optimizer, group: dict[str, Any]) -> Iterator[Finding]:
    yield from _momentum(group)
    lost = Evidence(
        "share of a weight that decay takes at each step", shrinks(optimizer, group),
        LIMITS["decay"], "above",
    )  # fmt: skip
    if lost.value > lost.threshold:
        yield _decay(lost)
    wrong = [
        each
        for each in _constants(group)
        if (each.value > each.threshold if each.passes == "above" else each.value < each.threshold)
    ]
    if wrong:
        yield _misconfigured(wrong)


def _momentum(group: dict[str, Any]) -> Iterator[Finding]:
    found = Evidence("momentum", momentum_of(group), LIMITS["momentum"], "above")
    if found.value > found.threshold:
        steps = 1 / max(1e-12, 1 - found.value)
        yield noticed(
            "stale_momentum",
            "warning",
            Words(
                f"Momentum {found.value:g} averages over {steps:,.0f} steps.",
                "Gradients from that long ago still steer: weights overshoot, and swing slowly.",
                "Use 0.9:\n    torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)",
            ),
            [found],
        )


def _constants(group: dict[str, Any]) -> Iterator[Evidence]:
    """Of the adaptive ones, and signs that nobody means."""
    yield Evidence("learning rate", number(group["lr"]), 0.0, "below")
    if "betas" not in group:
        return
    yield Evidence("eps", number(group.get("eps", 1e-8)), LIMITS["eps"], "above")
    yield Evidence("beta 2", number(group["betas"][1]), LIMITS["beta2_low"], "below")
    yield Evidence("beta 2", number(group["betas"][1]), LIMITS["beta2_high"], "above")


def _decay(lost: Evidence) -> Finding:
    return noticed(
        "excess_weight_decay",
        "warning",
        Words(
            f"Weight decay takes {lost.value:.2%} of every weight at each step.",
            f"A weight forgets what it learnt within {1 / lost.value:,.0f} steps.",
            "Divide the decay by 10 to 1000, and leave norms and biases out of it:\n"
            "    torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)",
        ),
        [lost],
    )


def _misconfigured(wrong: list[Evidence]) -> Finding:
    told = ", ".join(f"{each.name} = {each.value:g}" for each in wrong)
    return noticed(
        "optimiser_misconfigured",
        "warning",
        Words(
            f"The optimizer has {told}.",
            "An eps that is large beside gradients shrinks every step; a beta 2 near 0 makes them "
            "jump, and one near 1 keeps the first gradients' size for the whole run.",
            "Go back to the defaults:\n"
            "    torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)",
        ),
        wrong,
    )
