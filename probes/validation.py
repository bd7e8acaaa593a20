"""What a validation is of: in which mode the model ran, and are its rows and columns training's?

A validation's passes are all counted; read are eight of them at most, the first ones at first and
then, once it is known how many come, some that lie evenly among them. Its rows are looked for in
those that `Batches` has seen training use, by the same 64 of a row's elements.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from probes.batch_numbers import duplicates, share_met
from probes.batch_sample import IDS, marks, readable, size_of, table, the_input, together
from probes.batches import Batches
from probes.column_moments import ABOUT, ColumnMoments
from probes.named_tensors import named_tensors
from probes.probe import Moment, Pass

READ = 8  # passes


@dataclass
class _Seen:
    """A validation's passes so far."""

    passes: int = 0
    training: int = 0  # those in training mode
    size: int = 0
    last: int = 0  # the number of the last one that was read
    rows: list[Tensor] = field(default_factory=list)  # [row]  the fingerprints of each
    numbers: list[Tensor] = field(default_factory=list)  # [element, column]


class Validation:
    """Training mode, size, rows that training has met, and moments of the columns.

    batches   the probe that has seen the training's batches: without it only mode and size of a
              validation are told, and the moments of its columns
    """

    series = "validation"
    state = "between two steps; of passes without gradients, before a validation's value was logged"

    def __init__(self, batches: Batches | None = None) -> None:
        self._training, self._alone = batches or Batches(), batches is None
        self._seen, self._columns = _Seen(), ColumnMoments()
        self._plan = set(range(1, READ + 1))  # which passes to read
        self._looks = 0

    def root(self, model: nn.Module, *, fresh: bool) -> int | None:
        """The id of the module that training calls; as long as nothing is known, the model's."""
        if self._training.caller is None and (fresh or self._alone):
            return id(model)
        return self._training.caller

    def begin(self) -> None:
        self._seen = _Seen()

    def validated(self, whole: Pass) -> None:
        seen = self._seen
        seen.passes += 1
        seen.training += whole.module.training
        tensors = [t for _, t in named_tensors("", [*whole.inputs, whole.keywords])]
        values = the_input(whole, tensors)
        if values is None:
            return
        seen.size += size_of(values)
        if seen.passes in self._plan and readable(values):
            seen.last = seen.passes
            seen.rows.append(marks(values, self._looks))
            if values.dtype not in IDS:
                seen.numbers.append(table(values, self._looks))

    def over(self, moment: Moment, others: int = 0) -> None:
        """The passes were a validation's, but for so many others, in training mode most likely."""
        seen, self._seen = self._seen, _Seen()
        self._looks += 1
        training = max(0, seen.training - others) / (seen.passes - others)
        moment.scalar("validation/training", training)
        moment.scalar("validation/size", float(seen.size))
        if seen.rows:
            self._tell_rows(moment, seen)
        if seen.numbers:
            self._columns.add(together(seen.numbers))
        if self._looks & (self._looks - 1) == 0:
            self._tell_columns(moment)
        self._plan = _evenly(seen.passes)

    def _tell_rows(self, moment: Moment, seen: _Seen) -> None:
        moment.scalar("validation/duplicates", duplicates(torch.cat(seen.rows)))
        met = [self._training.met.among(rows) for rows in seen.rows]
        found = [each for each in met if each is not None]
        if not found:
            return
        for name, value in self._training.met.extent().items():
            moment.scalar(f"validation/{name}", value)
        if seen.last > seen.passes - max(1, seen.passes // READ):  # not of its first part alone
            moment.scalar("validation/seen", share_met(found))

    def _tell_columns(self, moment: Moment) -> None:
        for name, columns in (("training", self._training.columns), ("validation", self._columns)):
            values = columns.table()
            if values is not None:
                moment.array(f"columns/{name}", values, ABOUT)


def _evenly(passes: int) -> set[int]:
    """Numbers of passes to read next time, if there are as many."""
    if passes <= READ:
        return set(range(1, READ + 1))
    return {1 + n * (passes - 1) // (READ - 1) for n in range(READ)}
