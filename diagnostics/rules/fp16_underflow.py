"""Gradients in float16 are too small for it: they become zero, or lose nearly all their digits.

**What it looks at.** Of layers whose outputs are float16, the gradients with respect to them: how
many are exactly zero, and how many of the others lie in the last few octaves that float16 has
(its least number is 6e-8). Gradients that a GradScaler has scaled lie below these once they are
divided by the scale, and are fine. Where it is so from the first records on it is at least a
warning; where it comes with the end of a training that goes well, a hint.

**Why it is bad.** What is zero teaches nothing; what is left is rounded to a multiple of 6e-8.

**Where it comes from.** float16 without a loss scale: gradients are often below 1e-5, those of a
mean over many elements further still. bfloat16 has the range of float32.

**What to do.** Scale the loss, or use bfloat16:

    scaler = torch.amp.GradScaler()
    scaler.scale(loss).backward();   scaler.step(optimizer);   scaler.update()

**What it cannot see.** Where only single operations run in float16 inside of a layer.

References: Micikevicius et al. 2018 (Mixed Precision Training).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Severity, Verdict, succession
from diagnostics.run import Run
from diagnostics.signs.activity import beginning, ending
from diagnostics.signs.harm import harm
from diagnostics.thresholds import thresholds
from probes.recording import LOWEST_OCTAVE

LIMITS = thresholds("fp16_underflow")
EXPLAINS = (
    *("vanishing_gradient", "lr_too_low", "underfitting", "plateau", "no_update", "no_signal"),
    "class_imbalance",
)
SERIES = "activation_gradients"
LEAST = -24 - LOWEST_OCTAVE  # the histogram's bin of float16's least number


@dataclass(frozen=True)
class Flushed:
    """Of the gradients in float16, at each record."""

    steps: NDArray[np.int64]  # [t]
    zeros: NDArray[np.float64]  # [t, tensor]  share that is exactly zero
    faint: NDArray[np.float64]  # [t]  of what is not zero, the share in the last octaves
    below: NDArray[np.int64]  # [t]  what float16 cannot have: it was scaled
    names: list[str]


def fp16_underflow(run: Run) -> Verdict:
    """Do float16 gradients flush to zero?"""
    names = [n for n, t in run.tensors.items() if t.role == "output" and t.dtype == "float16"]
    if not names:
        return None
    if SERIES not in run.series:
        return NotEnough("add probes.ActivationGradients() to the Recorder")
    seen = _flushed(run, names)
    if len(seen.steps) < LIMITS["records"]:
        return NotEnough(f"it has too few records so far: {len(seen.steps)}")
    typical = np.median(seen.zeros, axis=1)  # [t]
    # What a rectifier lets nothing through is zero too, but then the rest is not faint.
    shows = (typical > LIMITS["zeros"]) & (seen.faint > LIMITS["faint"]) & (seen.below == 0)
    early, late = (
        float(shows[w].mean()) > 0.5 for w in (beginning(len(shows)), ending(len(shows)))
    )
    if not (early or late):
        return None
    # Gradients that are too small at first are a mistake; at last they are small everywhere.
    mild: Severity = "warning" if early else "hint"
    return _finding(seen, shows, "error" if harm(run).is_harm else mild)


def _flushed(run: Run, names: list[str]) -> Flushed:
    count = run.column(SERIES, "count", names)
    there = (np.nan_to_num(count) > 0).any(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        zeros = np.where(count > 0, run.column(SERIES, "zeros", names) / count, 1.0)
    bins = sum(run.histogram(SERIES, name).astype(np.int64) for name in names)  # [t, bin]
    bins = np.asarray(bins)
    whole = bins.sum(1)
    faint = bins[:, LEAST : LEAST + int(LIMITS["octaves"])].sum(1) / np.maximum(whole, 1)
    faint = np.where(whole > 0, faint, 1.0)  # nothing is left at all
    return Flushed(
        run.steps(SERIES)[there], zeros[there], faint[there], bins[there, :LEAST].sum(1), names
    )


def _finding(seen: Flushed, shows: NDArray[np.bool_], severity: Severity) -> Finding:
    zeros = np.median(seen.zeros[shows], axis=0)  # [tensor]
    faint = float(np.median(seen.faint[shows]))
    steps = seen.steps[shows]
    return Finding(
        disease="fp16_underflow",
        severity=severity,
        symptom=(
            f"{np.median(zeros):.0%} of the gradients that flow back through float16 layers are "
            f"exactly zero, and {faint:.0%} of the others lie in the last octaves that float16 "
            f"has, first at step {steps[0]:,}."
        ),
        cause=(
            "float16 has nothing between 0 and 6e-8, and the loss is not scaled: small gradients "
            "are rounded away on their way back."
        ),
        remedy=(
            "Scale the loss, or use bfloat16, which has the range of float32:\n"
            "    scaler = torch.amp.GradScaler()\n"
            "    scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()"
        ),
        evidence=(
            Evidence("share of zeros", float(np.median(zeros)), LIMITS["zeros"], "above"),
            Evidence("share in the last octaves", faint, LIMITS["faint"], "above"),
        ),
        layers=tuple(seen.names[n] for n in np.argsort(-zeros)[:5]),
        steps=(int(steps[0]), int(steps[-1])),
        confidence=succession(int(shows.sum()), len(shows)),
        panel="gradient_flow",
    )
