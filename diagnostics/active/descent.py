"""How a run's optimizer moved its weights, as far as that is gradient descent, by its recording."""

from __future__ import annotations

import re

import numpy as np

from diagnostics.descent import Descent
from diagnostics.run import Run
from diagnostics.weight_space import Floats

GROUP = re.compile(r"optimizer/[0-9.]+/(\w+)")
SAME = ("lr", "momentum", "dampening", "nesterov", "weight_decay", "maximize")
NO_RATE = "its learning rate is not recorded (probes.OptimizerState() does that)"
DIFFERENT = "its weights have learning rates of their own"


def descent_of(run: Run, last: int) -> Descent | str:
    """Up to a step; of another optimizer plain descent at its rate; or why there is none."""
    settings = _settings(run, last)
    if settings is None:
        return DIFFERENT
    if "lr" not in settings:
        return NO_RATE
    rates = settings["lr"]
    one = rates if np.ptp(rates) else float(rates[0])
    other = _other_than_descent(run, settings)
    if other:
        return Descent(one, instead_of=other)
    momentum = float(settings.get("momentum", rates * 0)[0])
    return Descent(one, momentum, bool(settings.get("nesterov", rates * 0)[0]), started=0)


def _settings(run: Run, last: int) -> dict[str, Floats] | None:
    """Of each step from the first to the last; None where groups of weights differ."""
    found: dict[str, Floats] = {}
    for place in run.scalar_names:
        told = GROUP.fullmatch(place)
        if told is None or told[1] not in SAME:
            continue
        values = _each_step(run, place, last)
        if not np.array_equal(found.setdefault(told[1], values), values):
            return None
    return found


def _each_step(run: Run, place: str, last: int) -> Floats:
    """A setting is recorded when it changes, and holds until it does again: [step]"""
    scalar = run.scalar(place)
    at = np.searchsorted(scalar.steps, np.arange(1, last + 1), "right") - 1
    values: Floats = scalar.values[at.clip(0)]
    return values


def _other_than_descent(run: Run, settings: dict[str, Floats]) -> str:
    """What moved the weights, where no linear recurrence on the squares alone did; else nothing."""
    kinds = [str(kind) for kind in run.info.get("optimizers", ())]
    if kinds != ["SGD"]:
        return " and ".join(kinds) or "an unknown optimizer"
    for name in ("dampening", "weight_decay", "maximize"):
        if np.any(settings.get(name, 0.0)):
            return f"SGD with {name.replace('_', ' ')}"
    changing = [name for name in ("momentum", "nesterov") if np.ptp(settings.get(name, [0.0]))]
    return f"SGD with a changing {changing[0]}" if changing else ""
