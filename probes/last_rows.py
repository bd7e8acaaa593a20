"""The last recorded steps' rows, kept to be written out whole; and what their counts tell.

Where no forward pass can be played again they are all there is to go by. They are of samples, and
of all forward passes of a step together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from probes.first_bad import Report, Where, told
from probes.recording import STATISTICS
from probes.unfolding import Reduced

STEPS = 8
ABOUT = "[record, tensor, statistic]: the last recorded steps; NaN where there is no row"
LOST = slice(STATISTICS.index("nan"), STATISTICS.index("posinf") + 1)
KINDS = {"NaN": "nan", "+inf": "posinf", "-inf": "neginf"}

Rows = Mapping[str, Reduced]


class LastRows:
    """A ring of records."""

    def __init__(self) -> None:
        self._records: deque[tuple[int, Rows]] = deque(maxlen=STEPS)

    def add(self, step: int, rows: Rows) -> Rows:
        """One step's rows, which may come in parts, as one."""
        if self._records and self._records[-1][0] == step:
            rows = {**self._records.pop()[1], **rows}
        self._records.append((step, rows))
        return rows

    @property
    def steps(self) -> list[int]:
        return [step for step, _ in self._records]

    @property
    def tensors(self) -> dict[str, list[str]]:
        """Each series' tensors, as its array has them."""
        found: dict[str, dict[str, None]] = {}
        for _, rows in self._records:
            for series, reduced in rows.items():
                found.setdefault(series, {}).update(dict.fromkeys(reduced.names))
        return {series: list(names) for series, names in found.items()}

    def arrays(self) -> dict[str, tuple[NDArray[np.float32], str]]:
        """Each series' rows as one array."""
        return {
            f"black_box/rows/{series}": (self._array(series, names), ABOUT)
            for series, names in self.tensors.items()
        }

    def _array(self, series: str, names: list[str]) -> NDArray[np.float32]:
        place = {name: n for n, name in enumerate(names)}
        array = np.full((len(self._records), len(names), len(STATISTICS)), np.nan, np.float32)
        for n, (_, rows) in enumerate(self._records):
            if series in rows:
                array[n, [place[name] for name in rows[series].names]] = rows[series].statistics
        return array


def judged_rows(step: int, model: nn.Module, rows: Rows) -> Report | None:
    """Forward before backward, and both before the weights: each follows from the one before."""
    bad = {
        series: _Row(step, model, reduced, row)
        for series, reduced in rows.items()
        if (row := _first_bad(reduced)) is not None
    }
    forward, backward = bad.get("activations"), bad.get("activation_gradients")
    gradient, update = bad.get("gradients"), bad.get("updates") or bad.get("weights")
    lost = backward or gradient or (forward and forward.kind == "NaN")
    if forward and lost:
        return _forward(forward)
    if backward:
        return _backward(backward)
    if gradient:
        return _parameter(gradient, "backward", "the gradient of")
    return _parameter(update, "weights", "the update of") if update else None


def _first_bad(reduced: Reduced) -> int | None:
    """-inf alone is what a mask gives."""
    bad = reduced.statistics[:, LOST]
    return int(np.flatnonzero(bad.any(1))[0]) if bad.any() else None


@dataclass(frozen=True)
class _Row:
    """The first of a series' rows that is bad."""

    step: int
    model: nn.Module
    reduced: Reduced
    row: int

    @property
    def name(self) -> str:
        return self.reduced.names[self.row]

    @property
    def module(self) -> str:
        """Of an output "lstm[0]", or a parameter "lstm.weight"; "" where the model is one layer."""
        names = {found for found, _ in self.model.named_modules()}
        plain = self.name.partition("[")[0]
        return next((n for n in (plain, plain.rpartition(".")[0]) if n in names), "")

    @property
    def type(self) -> str:
        return type(self.model.get_submodule(self.module)).__name__

    @property
    def counts(self) -> dict[str, int]:
        values = dict(zip(STATISTICS, self.reduced.statistics[self.row].tolist(), strict=True))
        return {name: int(values[name]) for name in ("count", "nan", "posinf", "neginf")}

    @property
    def kind(self) -> str:
        return next(kind for kind, name in KINDS.items() if self.counts[name])

    def report(self, where: Where, said: str) -> Report:
        return Report(
            self.step,
            where,
            f"step {self.step}: {said}, as far as samples of all forward passes tell.",
            kind=self.kind,
            module=self.module,
            module_type=self.type,
            counts=self.counts,
            note="only samples were looked at: forward passes are not played again here",
        )


def _forward(found: _Row) -> Report:
    last = found.reduced.names[found.row - 1] if found.row else None
    known = f"; '{last}' before it was finite" if last else ", the first layer"
    layer = told(found.name, found.type)
    return found.report("forward", f"{found.kind} first in the output of {layer}{known}")


def _backward(found: _Row) -> Report:
    layer = told(found.name, found.type)
    if found.row == 0:
        said = f"the gradient is {found.kind} from {layer} on, the last layer, so the loss gave it"
        return found.report("loss", said)
    said = (
        f"the gradient is {found.kind} first at the output of {layer}; it was finite at that of "
        f"'{found.reduced.names[found.row - 1]}': it was lost in the backward pass between the two"
    )
    return found.report("backward", said)


def _parameter(found: _Row, where: Where, what: str) -> Report:
    others = int((found.reduced.statistics[:, STATISTICS.index("nan")] > 0).sum())
    said = f"{found.kind} in {what} '{found.name}'"
    return found.report(where, f"{said} (NaN in {others} of {len(found.reduced.names)} tensors)")
