"""Which units are dead and which outputs saturated, layer by layer, at every recorded step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import FathomError, Run
from diagnostics.shown import Shown
from diagnostics.signs.activity import RECTIFIERS, Activity, activity

FIRING = "firing/"
TWO_ENDS = ("Tanh", "Sigmoid", "Hardtanh", "Hardsigmoid", "Softsign")  # flat at both


@dataclass(frozen=True)
class ActivationHealth(Shown):
    """Layers in the order of the forward pass; NaN where a layer was not looked at, or not yet.

    Whether a unit ever fires is counted over many records: each look holds until the next one.
    """

    run: str
    steps: NDArray[np.int64]  # [t]
    rectifiers: tuple[str, ...]
    dead: NDArray[np.float64]  # [t, rectifier]  share of its units that gave nothing but zero
    looks: NDArray[np.int64]  # [look]  steps at which units were counted
    bounded: tuple[str, ...]  # functions with a limit on both sides
    saturated: NDArray[np.float64]  # [t, bounded]  share of outputs near a limit


def activation_health(run: Run) -> ActivationHealth:
    """Of all functions that are modules of their own."""
    seen = activity(run)
    if seen is None:
        raise FathomError(
            f"outputs of layers are not recorded in '{run.path}' (it has: "
            f"{', '.join(run.series) or 'nothing'}); add probes.Activations() to the Recorder."
        )
    rectifiers, bounded = seen.of_types(*RECTIFIERS), seen.of_types(*TWO_ENDS)
    if not (rectifiers or bounded) or not len(seen.steps):
        raise FathomError(
            f"no unit of '{run.path}' can be dead or saturated, as far as it is recorded: no "
            f"module is a rectifier or bounded on both sides ({', '.join(_types(seen))}); "
            "functions without a module of their own, such as torch.relu, are not seen."
        )
    dead, looks = _dead(run, seen, rectifiers)
    return ActivationHealth(
        run=run.name,
        steps=seen.steps,
        rectifiers=tuple(seen.outputs[n].name for n in rectifiers),
        dead=dead,
        looks=looks,
        bounded=tuple(seen.outputs[n].name for n in bounded),
        saturated=seen.flat[:, bounded],
    )


def _types(seen: Activity) -> list[str]:
    return sorted({output.module_type for output in seen.outputs}) or ["none"]


def _dead(
    run: Run, seen: Activity, rectifiers: list[int]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """From how often each unit fired; all of them where a record holds nothing but zeros."""
    dead = np.full((len(seen.steps), len(rectifiers)), np.nan)
    looks: set[int] = set()
    for column, place in enumerate(rectifiers):
        name = FIRING + seen.outputs[place].module
        if name in run.array_names:
            track = max(run.arrays(name), key=lambda track: len(track.steps))
            looks |= set(track.steps.tolist())
            dead[:, column] = _held(seen.steps, track.steps, (track.values[:, :, 0] == 0).mean(1))
    dead[seen.zero[:, rectifiers] >= 1.0] = 1.0
    return dead, np.array(sorted(looks), np.int64)


def _held(
    steps: NDArray[np.int64], looks: NDArray[np.int64], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """At each step what was found at the last look before; NaN before the first."""
    place = np.searchsorted(looks, steps, side="right") - 1
    return np.where(place >= 0, shares[place.clip(0)], np.nan)
