"""Events as the probes tell them, and logged numbers, for recordings written row by row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Event = tuple[int, str, dict[str, Any]]

ONES = [1.0] * 40
SQUARES = {"batches/target_std": [1.0]}  # of which the best constant costs 1
FALLING = [1.0 - 0.02 * step for step in range(40)]  # down to 0.22 and still on its way


def asked(kind: str = "MSELoss", **others: Any) -> Event:
    """What the loss is, and what it is given."""
    known = {"settings": {}, "on": "answer", "output": "Linear", "target": "numbers"}
    return 1, "loss", {"kind": kind, **known, **others}


def modes(settings: Mapping[str, Any] | None = None, *, step: int = 1, **flags: Any) -> Event:
    """How modules are set, and the flags "training", "requires_grad", "held"."""
    plain = {"training": {"": True}, "requires_grad": {"": True}, "held": {"": True}}
    return step, "modes", {**plain, "settings": dict(settings or {}), **flags}


def of_optimizer(**settings: float) -> dict[str, list[float]]:
    """Its settings, the same at every step."""
    return {f"optimizer/0/{name}": [value] * 10 for name, value in settings.items()}
