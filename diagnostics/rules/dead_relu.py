"""Rectified units give zero for every example: they neither say nor learn anything.

**What it looks at.** Of every rectifier, unit by unit, how often it fires in the sampled outputs:
a unit that never does is dead. And records in which all that a layer gives is zero. Not the share
of zeros: half of them are zero in a sound layer too. And whether the training goes badly.

**Why it is bad.** The slope of a dead unit is zero, so its weights get no gradient: it does not
come back by itself. A layer whose units are all dead cuts off everything before it.

**Where it comes from.** One step that was far too large, biases that start far below zero, or
inputs that are large and all of one sign.

**What to do.** Lower the rate, begin with biases of zero, standardise the inputs, or let a little
through:

    nn.LeakyReLU(0.01)          # or nn.GELU(); or a normalisation before the rectifier

**What it cannot see.** Rectifiers that are called without a module of their own
(torch.nn.functional.relu, torch.relu).

References: Lu et al. 2019 (Dying ReLU and initialization).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.activity import activity, finite_until, silenced
from diagnostics.signs.harm import harm
from diagnostics.thresholds import thresholds

LIMITS = thresholds("dead_relu")
EXPLAINS = (
    *("vanishing_gradient", "underfitting", "plateau", "no_signal", "no_update"),
    "lr_too_low",
)
FIRING = "firing/"


@dataclass(frozen=True)
class Dead:
    """A layer's dead units."""

    layer: str
    share: float  # of its units, when it was last looked at
    steps: tuple[int, int]  # first and last at which so many were dead


def dead_relu(run: Run) -> Verdict:
    """Are most units of a rectified layer silent for good?"""
    if _is_of_one_class(run):
        return NotEnough("its batches are of one class at a time: other classes may wake its units")
    layers = {**_silent(run), **_counted(run)}
    if not layers:
        if activity(run) is None:
            return NotEnough("outputs are not recorded; add probes.Activations() to the Recorder")
        return None
    dead = sorted(
        (layer for layer in layers.values() if layer.share > LIMITS["share"]),
        key=lambda layer: -layer.share,
    )
    told = harm(run)
    if not dead or (told.is_known and not told.is_harm and dead[0].share < LIMITS["nearly_all"]):
        return None
    return _finding(dead, is_harm=told.is_harm)


def _is_of_one_class(run: Run) -> bool:
    """Large batches whose labels are nearly all the same, in a training that has others."""
    names = ("batches/label_entropy", "batches/size", "batches/classes_seen")
    if not set(names) <= set(run.scalar_names):
        return False
    entropy, size, seen = (run.scalar(name).values for name in names)
    usual = float(np.median(np.nan_to_num(entropy)))
    return bool(seen[-1] > 1 and np.median(size) >= LIMITS["batch"] and usual < LIMITS["mix"])


def _counted(run: Run) -> dict[str, Dead]:
    """From how often each unit fired, as long as outputs were finite: NaN fires nothing."""
    found: dict[str, Dead] = {}
    end = finite_until(run)
    for name in (n for n in run.array_names if n.startswith(FIRING)):
        track = max(run.arrays(name), key=lambda track: len(track.steps))
        sound = track.steps < end
        if not sound.any():
            continue
        shares = (track.values[sound, :, 0] == 0).mean(1)  # [t]
        over = track.steps[sound][shares > LIMITS["share"]]
        steps = (int(over[0]), int(over[-1])) if len(over) else (0, 0)
        layer = name.removeprefix(FIRING)
        found[layer] = Dead(layer, float(shares[-1]), steps)
    return _earlier(run, found)


def _earlier(run: Run, found: dict[str, Dead]) -> dict[str, Dead]:
    """Units are counted over many records: that all of them are silent shows before."""
    silent = _silent(run)
    return {
        layer: Dead(layer, dead.share, (min(dead.steps[0], silent[layer].steps[0]), dead.steps[1]))
        if layer in silent and dead.steps[0]
        else silent.get(layer, dead)
        for layer, dead in found.items()
    }


def _silent(run: Run) -> dict[str, Dead]:
    """Layers of which nothing but zeros was seen in each of the last records."""
    return {layer: Dead(layer, 1.0, steps) for layer, steps in silenced(run).items()}


def _finding(dead: list[Dead], *, is_harm: bool) -> Finding:
    worst = dead[0]
    others = f"; so it is in {len(dead)} layers" if len(dead) > 1 else ""
    return Finding(
        disease="dead_relu",
        severity="error" if is_harm else "hint",
        symptom=(
            f"In '{worst.layer}' {worst.share:.0%} of the units gave zero for every example that "
            f"was looked at, first at step {worst.steps[0]:,}{others}."
        ),
        cause=(
            "Their weights and biases lie so far below zero that no example lifts them, and where "
            "a rectifier gives zero no gradient passes: a step was too large, or they began so."
        ),
        remedy=(
            "Lower the rate, begin with biases of zero, standardise the inputs, or use a rectifier "
            "that lets a little through:\n"
            "    nn.LeakyReLU(0.01)"
        ),
        evidence=(Evidence("share of dead units", worst.share, LIMITS["share"], "above"),),
        layers=tuple(layer.layer for layer in dead),
        steps=(min(layer.steps[0] for layer in dead), worst.steps[1]),
        confidence=0.8 if worst.share >= LIMITS["nearly_all"] else 0.65,
        panel="activation_health",
    )
