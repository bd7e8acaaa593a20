"""The optimizer's constants as they are by default: momentum 0.9, eps 1e-8, betas 0.9 and 0.999."""

from __future__ import annotations

from typing import Any

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(
    ("optimiser_misconfigured", "stale_momentum", "wrong_objective", "loss_spikes", "plateau"),
    mends=True,
)
DEFAULTS: dict[str, Any] = {
    "momentum": 0.9,
    "eps": 1e-8,
    "betas": (0.9, 0.999),
    "dampening": 0,
    "alpha": 0.99,
    "rho": 0.9,
    "maximize": False,
}


def optimizer_defaults(case: Case) -> Proposals:
    """Where some are others; an SGD without momentum is left as it is."""
    told = {key: value for key, value in DEFAULTS.items() if _is_odd(case.course, key)}
    if not told:
        return
    words = ", ".join(f"{key} {value}" for key, value in told.items())
    settings = ", ".join(f"{key}={value}" for key, value in told.items())
    kind = type(case.course.optimizer).__name__

    def make(course: Course) -> None:
        for group in course.groups:
            group.update({key: value for key, value in told.items() if key in group})

    code = f"optimizer = torch.optim.{kind}(model.parameters(), lr, {settings})"
    yield Change(words, code, make)


def _is_odd(course: Course, key: str) -> bool:
    return any(group.get(key) not in (None, 0, DEFAULTS[key]) for group in course.groups)
