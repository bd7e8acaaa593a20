"""The batches are no mix of the data: they come sorted.

**What it looks at.** How many of the classes each batch holds, and how evenly, beside what chance
would give; for numbers, how much of the targets' variance lies inside the batches.

**Why it is bad.** Each batch pulls towards its own class and away from the last one's: what was
learnt is forgotten in turn.

**Where it comes from.** A loader without `shuffle=True` over a file that is sorted by class, by
date or by source.

**What to do.**

    DataLoader(data, batch_size=32, shuffle=True)

**What it cannot see.** An order that neither classes nor targets show.
"""

from __future__ import annotations

import math

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.harm import harm
from diagnostics.thresholds import thresholds

LIMITS = thresholds("unshuffled_data")
EXPLAINS = (
    *("loss_spikes", "lr_too_high", "overfitting", "plateau", "class_imbalance", "val_shift"),
    *("underfitting", "no_signal", "wrong_objective"),
    "label_noise",
)


def unshuffled_data(run: Run) -> Verdict:
    """Are batches as mixed as chance would mix them?"""
    names = run.scalar_names
    if "batches/classes" in names and "batches/size" in names:
        return _by_classes(run)
    if {"batches/target_mean", "batches/target_std"} <= set(names):
        return _by_targets(run)
    return NotEnough("targets were not seen")


def _by_classes(run: Run) -> Verdict:
    found, size = run.scalar("batches/classes"), _size(run)
    classes = float(run.scalar("batches/classes_seen").values[-1])
    if classes < 2 or len(found.values) < LIMITS["batches"]:
        return NotEnough("fewer than two classes, or too few batches, were seen so far")
    expected = classes * (1 - (1 - 1 / classes) ** size)
    share = float(np.median(found.values)) / expected
    if not expected > LIMITS["expected"] or share >= LIMITS["classes"]:
        return None
    told = Evidence("classes in a batch / expected", share, LIMITS["classes"], "below")
    symptom = (
        f"A batch of {size:.0f} holds {np.median(found.values):.0f} of {classes:.0f} classes; "
        f"shuffled, it would hold {expected:.0f}."
    )
    return _finding(symptom, told, (int(found.steps[0]), int(found.steps[-1])))


def _by_targets(run: Run) -> Verdict:
    mean, std = run.scalar("batches/target_mean"), run.scalar("batches/target_std")
    known = np.isfinite(mean.values) & np.isfinite(std.values)
    if known.sum() < LIMITS["batches"] or _size(run) < LIMITS["rows"]:
        return NotEnough("too few batches of numbers were seen so far, or too small ones")
    inside = float((std.values[known] ** 2).mean())
    whole = inside + float(mean.values[known].var())
    share = inside / whole if whole > 0 else math.nan
    if not share < LIMITS["inside"] or harm(run).left <= LIMITS["left"]:
        return None
    told = Evidence("variance inside batches / of all", share, LIMITS["inside"], "below")
    symptom = f"Only {share:.0%} of the targets' variance lies inside the batches."
    return _finding(symptom, told, (int(mean.steps[0]), int(mean.steps[-1])))


def _size(run: Run) -> float:
    return float(np.median(run.scalar("batches/size").values))


def _finding(symptom: str, evidence: Evidence, steps: tuple[int, int]) -> Finding:
    return Finding(
        disease="unshuffled_data",
        severity="error",
        symptom=symptom,
        cause="The loader takes the data in its order, which is sorted.",
        remedy="Shuffle:\n    DataLoader(data, batch_size=32, shuffle=True)",
        evidence=(evidence,),
        layers=(),
        steps=steps,
        confidence=0.97,
        panel="loss_curve",
    )
