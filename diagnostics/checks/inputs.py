"""What goes in: numbers that are not finite, scale, columns that say nothing, rows far outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.passes import NORMS, watched
from diagnostics.checks.setup import Setup
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.inputs")


@dataclass(frozen=True)
class Columns:
    """As a table of columns and as one of features: of an image its pixels, and its channels."""

    values: NDArray[np.float64]  # [row, column]
    features: NDArray[np.float64]  # [value, feature]

    @property
    def constant(self) -> float:
        """Share of columns in which nothing ever changes."""
        return float((np.ptp(self.values, axis=0) == 0).mean())

    @property
    def rms(self) -> float:
        return float(np.sqrt(np.mean(self.features**2)))

    @property
    def stds(self) -> NDArray[np.float64]:
        """Of the features that vary."""
        found: NDArray[np.float64] = self.features.std(axis=0)
        return found[found > 0]


def inputs(setup: Setup) -> Answer:
    """Are the inputs such as a network can learn from?"""
    there = _values(setup)
    if not there:
        raise CannotAsk("no input is a tensor of floating point")
    findings, numbers = [], []
    for tensors in there.values():
        broken = sum(int((~t.isfinite()).sum()) for t in tensors)
        numbers.append(Evidence("values that are not finite", broken, 0, "above"))
        if broken:
            rows = sum(int((~t.reshape(len(t), -1).isfinite()).any(1).sum()) for t in tensors)
            findings.append(_broken(broken, rows, sum(map(len, tensors))))
            continue
        columns = _columns(tensors)
        found, seen = _judged(columns, normalised=_normalised(setup))
        findings += found
        numbers += seen
    scale = next((e.value for e in numbers if e.name == "rms of the inputs"), np.nan)
    return Answer(f"The inputs' rms is {scale:.3g}.", tuple(numbers), tuple(findings))


def _values(setup: Setup) -> dict[str, list[Tensor]]:
    """Each float input, over the batch and the further batches."""
    found: dict[str, list[Tensor]] = {}
    for batch in (setup.batch, *setup.batches):
        for name, tensor in setup.floats(batch).items():
            if tensor.ndim > 0 and len(tensor):
                found.setdefault(name, []).append(tensor.detach())
    return found


def _columns(tensors: list[Tensor]) -> Columns:
    width = tensors[0].shape[1:]
    alike = [t.double().cpu() for t in tensors if t.shape[1:] == width]
    table = torch.cat(alike)
    axis = 1 if table.ndim > 3 else -1
    features = table.movedim(axis, -1).reshape(-1, table.shape[axis] if table.ndim > 1 else 1)
    return Columns(table.reshape(len(table), -1).numpy(), features.numpy())


def _normalised(setup: Setup) -> bool:
    """Is a normalisation the first thing that the inputs meet?"""
    with setup.scene() as scene, torch.no_grad():
        entering = [call for call in watched(scene).calls if not call.source]
    return bool(entering) and isinstance(entering[0].module, NORMS)


def _judged(columns: Columns, *, normalised: bool) -> tuple[list[Finding], list[Evidence]]:
    rows = len(columns.values)
    constant = Evidence("share of constant columns", columns.constant, LIMITS["constant"], "above")
    scale = Evidence("rms of the inputs", columns.rms, LIMITS["rms"], "above")
    numbers = [scale, constant]
    if rows >= LIMITS["rows"] and columns.constant == 1:
        return [_constant(constant)], numbers
    findings = []
    if rows >= LIMITS["many_rows"] and columns.constant > LIMITS["constant"]:
        findings.append(_dead(constant))
    stds = columns.stds
    spread = float(stds.max() / np.median(stds)) if len(stds) > 1 else 1.0
    apart = Evidence("largest column std / median", spread, LIMITS["spread"], "above")
    numbers.append(apart)
    wide = bool(len(stds)) and spread > LIMITS["spread"] and stds.max() > LIMITS["std"]
    if not normalised and (columns.rms > LIMITS["rms"] or wide):
        findings.append(_unnormalised(scale if columns.rms > LIMITS["rms"] else apart, apart))
    elif rows >= LIMITS["many_rows"] / 8:
        findings += _outlying(columns.values)
    return findings, numbers


def _outlying(values: NDArray[np.float64]) -> Iterator[Finding]:
    """Rows far from all others, in units of each column's middle half."""
    low, middle, high = np.percentile(values, [25, 50, 75], axis=0)
    width = (high - low) / 1.349  # a normal's standard deviation
    width = np.where(width > 0, width, values.std(axis=0))
    from_middle = np.abs(values - middle)[:, width > 0] / width[width > 0]
    if not from_middle.size:
        return
    size = np.sqrt((from_middle**2).mean(axis=1))
    usual = float(np.percentile(size, 90))
    farthest = float(size.max() / usual) if usual else 1.0
    if farthest > LIMITS["outlier"]:
        rows = int((size > LIMITS["outlier"] * usual).sum())
        number = Evidence("farthest row / 90 % of the rows", farthest, LIMITS["outlier"], "above")
        yield noticed(
            "data_outliers",
            "warning",
            Words(
                f"{rows} of {len(values)} rows lie {farthest:.3g} times as far out as nine in ten.",
                "A row of this size makes a gradient of its own, far larger than all the others'.",
                "Look at these rows; drop, clip or transform them:\n    x = x.clamp(-5, 5)",
            ),
            [number],
            confidence=0.8,
        )


def _broken(broken: int, rows: int, of: int) -> Finding:
    return noticed(
        "nan_inputs",
        "error",
        Words(
            f"{broken} values in {rows} of {of} rows are not finite.",
            "One NaN makes the loss of its batch NaN, and the update spreads it to every weight.",
            "Impute or drop such rows before training:\n    x = torch.nan_to_num(x)",
        ),
        [Evidence("values that are not finite", broken, 0, "above")],
        confidence=1.0,
    )


def _constant(number: Evidence) -> Finding:
    return noticed(
        "constant_inputs",
        "error",
        Words(
            "Every example has the same inputs.",
            "Nothing can be learnt from inputs that never change: preprocessing has lost them "
            "(integer division, a mask, a wrong file).",
            "Look at a raw batch and at the preprocessing, one step after the other.",
        ),
        [number],
        confidence=0.99,
    )


def _dead(number: Evidence) -> Finding:
    return noticed(
        "dead_features",
        "warning",
        Words(
            f"{number.value:.0%} of the input columns never change.",
            "Most of what goes in carries no information: a mask or a selection is wrong.",
            "Look at which columns vary, and mend the selection:\n    x.std(0) > 0",
        ),
        [number],
        confidence=0.8,
    )


def _unnormalised(number: Evidence, apart: Evidence) -> Finding:
    return noticed(
        "unnormalised_inputs",
        "warning",
        Words(
            f"The inputs are not normalised: {number.name} is {number.value:.3g}.",
            "Columns of large numbers rule the first layer: its units saturate or die, and the "
            "learning rate that suits one column is far too high for another.",
            "Standardise with the training set's statistics:\n    x = (x - mean) / std",
        ),
        [number] if number is apart else [number, apart],
    )
