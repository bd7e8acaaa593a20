"""Values pass the largest float16, 65504, and become infinite.

**What it looks at.** The black box's report, if the first infinity was in float16; and how often a
GradScaler left out a step, at a stretch and in all.

**Why it is bad.** An infinity in the forward pass becomes NaN in the next normalisation or softmax,
and no loss scale helps against it. Overflow in the backward pass costs the steps that are left out.

**Where it comes from.** Squares, sums over many elements and products of large activations; inputs
that are not normalised; a loss that is summed and not averaged.

**What to do.** bfloat16 has float32's range; or keep the one operation in float32:

    with torch.autocast("cuda", torch.bfloat16): …
    with torch.autocast("cuda", enabled=False): h = (x.float() ** 2).sum(-1)

**What it cannot see.** Small gradients that become zero in float16: that is `fp16_underflow`. A few
steps left out at the start, and one in 2000 later on, are how a GradScaler finds its scale.

References: Micikevicius et al. 2018 (mixed precision training).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diagnostics.black_box import BlackBox, black_boxes
from diagnostics.finding import Evidence, Finding, Verdict
from diagnostics.run import Run
from diagnostics.thresholds import thresholds

LIMITS = thresholds("fp16_overflow")
EXPLAINS = ("nonfinite_loss", "exploding_gradient", "bad_init_scale", "weight_blowup")
REMEDY = (
    "Use bfloat16, or keep the operation that overflows in float32, or make its input smaller:\n"
    '    with torch.autocast("cuda", torch.bfloat16): …\n'
    '    with torch.autocast("cuda", enabled=False): h = (x.float() ** 2).sum(-1)'
)


def fp16_overflow(run: Run) -> Verdict:
    """Does float16 overflow, in the forward pass, or again and again in the backward pass?"""
    box = next((box for box in black_boxes(run) if box.is_overflow and not box.is_passing), None)
    if box is not None:
        return _from_box(box)
    half = _first_in_half(run)
    if half is not None:
        return replace(_from_box(half), confidence=0.8)
    steps = np.unique([event.step for event in run.events if event.kind == "skipped"])
    return _from_skipped(run, steps.astype(np.int64)) if len(steps) else None


def _first_in_half(run: Run) -> BlackBox | None:
    """NaN comes first in what a float16 layer gives, of inputs and weights that are finite.

    The infinity that it came of lies inside the layer, or in an operation between two layers.
    """
    halves = {t.module for t in run.tensors.values() if t.role == "output" and t.dtype == "float16"}
    boxes = (box for box in black_boxes(run) if box.where == "forward" and not box.is_passing)
    return next((box for box in boxes if box.module in halves), None)


def _from_box(box: BlackBox) -> Finding:
    bad = float(max(box.infinite, 1))
    return Finding(
        disease="fp16_overflow",
        severity="error",
        symptom=box.summary,
        cause="In float16 nothing is larger than 65504; float32 and bfloat16 go up to 3e38.",
        remedy=REMEDY,
        evidence=(Evidence("infinite elements", bad, LIMITS["elements"], "above"),),
        layers=box.layers,
        steps=(box.step, box.step),
        confidence=0.95,
        panel="gradient_flow",
    )


def _from_skipped(run: Run, steps: NDArray[np.int64]) -> Finding | None:
    longest = _longest(steps)
    later = steps[steps > LIMITS["settled"]]
    seen = max(1.0, max(run.last_step, int(steps[-1])) - LIMITS["settled"])
    share = len(later) / seen
    passed = [
        Evidence(name, value, LIMITS[limit], "above")
        for name, value, limit in (
            ("steps left out in a row", float(longest), "in_a_row"),
            ("share of steps left out", share if len(later) > 1 else 0.0, "share"),
        )
        if value > LIMITS[limit]
    ]
    if not passed:
        return None
    return Finding(
        disease="fp16_overflow",
        severity="warning",
        symptom=(
            f"The GradScaler left out {len(steps)} steps whose float16 gradients overflowed, up to "
            f"{longest} in a row."
        ),
        cause="The gradients are larger than float16 holds at the loss scale that is in use.",
        remedy=REMEDY,
        evidence=tuple(passed),
        layers=(),
        steps=(int(steps[0]), int(steps[-1])),
        confidence=0.9,
        panel="gradient_flow",
    )


def _longest(steps: NDArray[np.int64]) -> int:
    """The longest stretch of steps one after another."""
    breaks = np.flatnonzero(np.diff(steps) != 1)
    edges = np.concatenate([[-1], breaks, [len(steps) - 1]])
    return int(np.diff(edges).max())
