"""Batch normalisation goes by one or two examples at a time.

**What it looks at.** How many examples a forward pass in training has, in a model with batch
normalisation in training mode; and what is left of the loss.

**Why it is bad.** Mean and variance of two numbers are noise: of two rows, the normalised values
are 1 and -1, whatever they were. What is learnt under it does not hold for the running averages.

**Where it comes from.** Memory that allows no larger batch; a last batch of one or two rows.

**What to do.** Normalise within the example, or make batches larger:

    nn.GroupNorm(8, channels)                   # instead of nn.BatchNorm2d(channels)
    DataLoader(data, batch_size=32, shuffle=True, drop_last=True)

**What it cannot see.** Statistics that processes share (SyncBatchNorm), which are of more rows.

Reference: Wu & He 2018, Group Normalization.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import learning
from diagnostics.signs.settings import settings
from diagnostics.thresholds import thresholds

LIMITS = thresholds("bn_small_batch")
EXPLAINS = (
    *("bn_running_stats", "lr_too_high", "loss_spikes", "underfitting", "plateau", "overfitting"),
    *("exploding_gradient", "no_signal", "val_shift", "weight_blowup"),
    "label_noise",
)


def bn_small_batch(run: Run) -> Verdict:
    """Are a normalisation's statistics of hardly any examples?"""
    modules = _by_batch(run)
    if not modules:
        return None
    if not {"batches/size", "batches/passes"} <= set(run.scalar_names):
        return NotEnough("batches are not recorded; add probes.Batches() to the Recorder")
    size, passes = run.scalar("batches/size"), run.scalar("batches/passes")
    rows = float(np.median(size.values / np.maximum(passes.values, 1)))
    progress = learning(run)
    if progress is None:
        return NotEnough("no training loss was logged to judge it by")
    if rows > LIMITS["examples"] or not (progress.is_lost or progress.left > LIMITS["left"]):
        return None
    return Finding(
        disease="bn_small_batch",
        severity="error",
        symptom=(
            f"{len(modules)} normalisations take their statistics of {rows:.0f} examples, and "
            f"{progress.left:.0%} of the loss is left."
        ),
        cause="Mean and variance of so few numbers are noise.",
        remedy=(
            "Normalise within the example, or make batches larger:\n"
            "    nn.GroupNorm(8, channels)          # instead of nn.BatchNorm2d(channels)"
        ),
        evidence=(Evidence("examples a forward pass", rows, LIMITS["examples"], "below"),),
        layers=modules,
        steps=(int(size.steps[0]), int(size.steps[-1])),
        confidence=0.95,
        panel="loss_curve",
    )


def _by_batch(run: Run) -> tuple[str, ...]:
    """Frozen ones go by their averages, however few the examples."""
    told = settings(run)
    found = told[-1].modules("statistics") if told else {}
    return tuple(name for name, source in found.items() if source != "frozen")
