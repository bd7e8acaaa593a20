"""What goes into the model at a recorded step: its size and scale, its columns, rows and targets.

All calls of one module in a step, micro-batches say, are taken together: sizes add up, and the
samples of the first 16 are put side by side. Looked at are the first 16 records and every fourth
after them, and of each a sample; only a sum is of the whole input, for a single NaN is enough.
Columns, places, rows (by 64 of their elements) and labels are compared at the first 16 and at every
eighth. Which rows came, and moments of the columns, are kept for a validation's to be compared
with. No device is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from probes.batch_numbers import (
    Columns,
    Labels,
    Numbers,
    Repeats,
    RowsMet,
    at_least_one,
    has_nan,
    scale,
    shares,
)
from probes.batch_sample import (
    ELEMENTS,
    IDS,
    ROWS,
    elements,
    marks,
    readable,
    sample,
    size_of,
    table,
    the_input,
    the_target,
    together,
)
from probes.column_moments import ColumnMoments
from probes.named_tensors import named_tensors
from probes.probe import Moment, Pass

PASSES = 16  # of a step, whose samples are kept
PLACES = 1024  # of a row with more axes than columns, that are looked at for being constant
FIRST, AFTERWARDS = 16, 4  # records that are looked at: the first ones, and each n-th
THOROUGH = 2  # among those afterwards, each how-manieth compares columns, rows and labels


@dataclass
class _Seen:
    """A step's passes so far."""

    caller: int | None = None  # the module whose calls count
    judge: type | None = None  # the kind of loss whose second inputs are the targets
    size: int = 0
    passes: int = 0
    elements: int = 0
    sums: list[Tensor] = field(default_factory=list)  # of all elements of the input
    beside: list[Tensor] = field(default_factory=list)  # and of what else is given
    numbers: list[Tensor] = field(default_factory=list)  # [element, column]
    ids: list[Tensor] = field(default_factory=list)  # [element]
    places: list[Tensor] = field(default_factory=list)  # [row, place]  of images and sequences
    rows: list[Tensor] = field(default_factory=list)  # [row]  their fingerprints
    met: list[Tensor] = field(default_factory=list)  # [row]  and of others, in large batches
    labels: list[Tensor] = field(default_factory=list)  # [element]
    targets: list[Tensor] = field(default_factory=list)  # [element, column]


class Batches:
    """Batch size, moments, spread between columns, repeated rows, and targets where they are seen.

    The input is the first positional tensor, or a keyword that is usual for one, or the first
    tensor there is. Targets are seen where the loss is a module or the model itself takes them.
    """

    series = "batches"
    state = (
        "as the model was called with them, all calls of a step together; of a sample of at most "
        "256 rows and 16,384 elements a call"
    )

    def __init__(self) -> None:
        self._seen, self._looks = _Seen(), 0
        self._columns, self._places = Columns(), Columns()
        self._repeats, self._labels = Repeats(), Labels()
        self.caller: int | None = None  # the module that training calls, by its id
        self.met, self.columns = RowsMet(), ColumnMoments()  # of all looks so far

    def passed(self, whole: Pass) -> None:
        if not self._is_due(AFTERWARDS):
            return
        seen, keywords = self._seen, whole.keywords
        if whole.is_loss:
            if seen.judge in (None, type(whole.module)):  # many make a new one in each pass
                seen.judge = type(whole.module)
                self._take_target(
                    whole.inputs[1] if len(whole.inputs) > 1 else the_target(keywords)
                )
        elif seen.caller in (None, id(whole.module)):
            seen.caller = id(whole.module)
            seen.passes += 1
            self._take_inputs(whole)
            self._take_target(the_target(keywords))

    def _take_inputs(self, whole: Pass) -> None:
        tensors = [t for _, t in named_tensors("", [*whole.inputs, whole.keywords])]
        values = the_input(whole, tensors)
        if values is None:
            return
        self._seen.size += size_of(values)
        if self._seen.passes <= PASSES:
            others = (t for t in tensors if t is not values and t.is_floating_point())
            self._seen.beside += [_total(tensor) for tensor in others if readable(tensor)]
            if readable(values):
                self._take(values)

    def _take(self, values: Tensor) -> None:
        seen = self._seen
        if values.dtype in IDS:
            seen.ids.append(elements(values, self._looks))
        else:
            seen.numbers.append(table(values, self._looks))
            if values.ndim > 2 and self._is_thorough():
                seen.places.append(sample(values, 0, PLACES, ELEMENTS).flatten(1))
            seen.sums.append(_total(values))
            seen.elements += values.numel()
        if self._is_thorough():
            seen.rows.append(marks(values, 0))
            others = size_of(values) > ROWS
            seen.met.append(marks(values, self.met.looks) if others else seen.rows[-1])

    def _take_target(self, target: Any) -> None:
        seen = self._seen
        if len(seen.labels) + len(seen.targets) < PASSES and readable(target):
            if target.is_floating_point():
                seen.targets.append(table(target, self._looks))
            elif self._is_thorough():
                seen.labels.append(elements(target, self._looks))

    def _is_thorough(self) -> bool:
        return self._is_due(AFTERWARDS * THOROUGH)

    def _is_due(self, every: int) -> bool:
        return self._looks < FIRST or self._looks % every == 0

    def step(self, moment: Moment) -> None:
        seen, self._seen = self._seen, _Seen()
        with torch.no_grad():
            for part in self._parts(seen):
                for name, value in part.items():
                    moment.scalar(f"batches/{name}", value)
            self._remember(seen)
        self._looks += 1

    def _remember(self, seen: _Seen) -> None:
        """What a validation is compared with."""
        self.caller = seen.caller if seen.caller is not None else self.caller
        if seen.met:
            self.met.add(together(seen.met))
        if seen.numbers:
            self.columns.add(together(seen.numbers))

    def _parts(self, seen: _Seen) -> Iterator[Numbers]:
        if seen.passes:
            yield {"size": float(seen.size), "passes": float(seen.passes)}
        if seen.numbers:
            numbers = together(seen.numbers)
            told = scale("input", numbers)
            lost = at_least_one(told["input_nonfinite"], together(seen.sums), seen.elements)
            yield told | {"input_nonfinite": lost}
            if self._is_thorough():
                yield self._columns.look(numbers)
        if seen.places:
            places = self._places.look(together(seen.places))
            yield {"constant_places": places["constant_columns"]}
        if seen.beside:
            yield {"others_nan": has_nan(torch.stack(seen.beside))}
        if seen.ids:
            yield shares(together(seen.ids))
        if seen.rows:
            yield self._repeats.look(together(seen.rows))
        if seen.labels:
            yield self._labels.look(together(seen.labels))
        if seen.targets:
            yield scale("target", together(seen.targets))


def _total(values: Tensor) -> Tensor:
    """Of all elements, in a type that half ones do not overflow: what is not finite shows."""
    return values.sum(dtype=torch.promote_types(values.dtype, torch.float32)).view(1)
