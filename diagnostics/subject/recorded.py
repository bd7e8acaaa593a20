"""A subject's loss from a run folder: a program, rehearsed before it is run, over its weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
)

from diagnostics.program_pieces import program_pieces
from diagnostics.run import Run
from diagnostics.subject.data import examples_in, free_memory
from diagnostics.subject.losses import SEEN, Batch, Statistics, Tensors
from diagnostics.subject.precision import in_float64
from probes.folder import FathomError, ProgramError
from probes.program.as_json import to_json
from probes.program.deposit import EVENT, REFUSED
from probes.program.form import Program, Recorded
from probes.program.interpreter import STATISTICS, Evaluation, prepare
from probes.program.normalisation import uses_statistics
from probes.program.objective import Objective
from probes.program.rehearsal import rehearse
from probes.program.storage import NoProgramError, read_program, weights_of
from probes.snapshot_file import read_snapshot, snapshot_steps

COUNTABLE = 1 << 62  # bytes: of any size, to learn which
AT_ONCE = 4  # tensors of the largest size: what an operation takes and gives, and their gradients
BY_DATA = (DynamicOutputShapeException, DataDependentOutputException)


class RecordedLoss:
    """A recorded program over a snapshot's weights: data, nothing but known operations."""

    def __init__(self, recorded: Recorded, weights: Tensors, statistics: Statistics) -> None:
        self._program, self._norm = recorded.program, statistics
        self.reduction = recorded.program.reduction
        self._prepared: dict[tuple[tuple[str, ...], bool], Evaluation] = {}
        self.pieces = tuple(program_pieces(self._program))
        names = [piece.name for piece in self.pieces]
        self.varied = {name: weights[name] for name in names}
        self._narrow = [name for name in names if weights[name].dtype is not torch.float64]
        others = {name: tensor for name, tensor in weights.items() if name not in self.varied}
        self.rest = others | recorded.constants
        nodes = self._program.graphs["eval"].nodes
        self.normalises = uses_statistics(nodes)
        self.by_batch = self.normalises and statistics == "batch"
        self.recurrent = any(n.op.partition(".")[0] in ("lstm", "gru", "rnn_tanh") for n in nodes)
        self.words = to_json(self._program)

    def batch(self, data: Any) -> Batch:
        """The recorded names, or the pair (inputs, target) that they came from."""
        wanted = dict.fromkeys(spec.name for spec in self._program.of_kind("input"))
        given = data if isinstance(data, dict) else {}
        if given.keys() != wanted.keys():
            is_pair = isinstance(data, tuple) and "target" in wanted
            given = Objective(nn.Identity(), max if is_pair else None, data).inputs
        if given.keys() != wanted.keys():
            raise FathomError(
                f"the batch holds {', '.join(given) or 'no tensors'}, and the program was recorded "
                f"with {', '.join(wanted)}; give tensors by these names."
            )
        self._check_size(given)
        return Batch(dict(given), examples_in(given.values()))

    def __call__(self, weights: Tensors, batch: Batch, wanted: tuple[str, ...]) -> Tensors:
        self._check_size(batch.inputs)
        there = self._program.graphs["eval"].outputs
        return self._ready(tuple(name for name in wanted if name in there), weights)(
            weights, batch.inputs
        )

    def _check_size(self, inputs: Tensors) -> None:
        """A program of one size may divide by it, and would be wrong of another in silence."""
        program = self._program
        for spec in () if program.dynamic else program.of_kind("input"):
            if spec.shape[:1] != (found := inputs[spec.name].shape[:1]):
                raise FathomError(
                    f"the program takes {spec.shape[0]} of '{spec.name}' alone "
                    f"({'; '.join(program.notes)}), and {found[0]} are asked for; give as many, or "
                    "analyse live: Subject(model, loss, batch)."
                )

    def statistics(self, weights: Tensors, batch: Batch) -> Tensors:
        found = self._ready((STATISTICS,), weights)(weights, batch.inputs)
        return {reference.partition(":")[2]: tensor for reference, tensor in found.items()}

    def _ready(self, wanted: tuple[str, ...], weights: Tensors) -> Evaluation:
        doubled = self._doubled(weights)
        if (wanted, doubled) not in self._prepared:
            program = self.program(weights)
            by_batch = self._norm == "batch" or wanted == (STATISTICS,)
            norm: Literal["running", "batch"] = "batch" if by_batch else "running"
            self._prepared[wanted, doubled] = prepare(program, norm=norm, wanted=wanted)
        return self._prepared[wanted, doubled]

    def program(self, weights: Tensors) -> Program:
        """In the precision that the weights are given in."""
        return in_float64(self._program) if self._doubled(weights) else self._program

    def _doubled(self, weights: Tensors) -> bool:
        return bool(self._narrow) and weights[self._narrow[0]].dtype is torch.float64

    def __getstate__(self) -> dict[str, Any]:
        """What is prepared refers to torch's own functions, which other processes have."""
        return self.__dict__ | {"_prepared": {}}


def recorded_program(folder: str | Path) -> Recorded:
    """Of a run; where there is none because it was refused, what was said then is said again."""
    try:
        return read_program(folder)
    except NoProgramError as error:
        for event in Run(folder).events:
            if event.kind == EVENT and event.text.startswith(REFUSED):
                raise FathomError(f"'{folder}': {event.text}") from error
        raise


def last_snapshot(folder: str | Path) -> int:
    there = snapshot_steps(folder)
    if not there:
        raise FathomError(
            f"'{folder}' holds no snapshots, and so no weights; add probes.Snapshots() to the "
            "Recorder."
        )
    return there[-1]


def recorded_loss(
    folder: str | Path, recorded: Recorded, step: int, statistics: Statistics
) -> RecordedLoss:
    """Over a snapshot's weights, once it is clear that the program can be run."""
    weights = weights_of(recorded.program, read_snapshot(folder, step))
    with first_run(folder):
        for batch in (recorded.batch, recorded.held_out):
            if batch is not None:
                check_rehearsed(recorded.program, batch, statistics)
        return RecordedLoss(recorded, weights, statistics)


def check_rehearsed(program: Program, batch: Tensors, statistics: Statistics) -> None:
    """Does all of it fit together, and into memory? Told without memory, whatever the batch.

    Where values decide on shapes, as those of a mask do, the first run has to tell.
    """
    there = program.graphs["eval"].outputs
    norm: Literal["running", "batch"] = "batch" if statistics == "batch" else "running"
    how: dict[str, Any] = {"norm": norm, "wanted": [name for name in SEEN if name in there]}
    try:
        largest = rehearse(program, batch, COUNTABLE, **how)
    except ProgramError as error:
        if isinstance(error.__cause__, BY_DATA):
            return
        raise
    if largest * AT_ONCE > (free := free_memory()):
        raise ProgramError(
            f"one tensor on the way to the loss would be of {largest:,} bytes, and {free:,} are "
            f"free for about {AT_ONCE} of them; analyse it where there is more memory, if you "
            "trust where it comes from."
        )


@contextmanager
def first_run(folder: str | Path) -> Iterator[None]:
    """What goes wrong inside the interpreter is the program's fault, and said as such."""
    try:
        yield
    except FathomError as error:
        raise type(error)(f"'{folder}': {error}") from error
    except Exception as error:  # whatever a damaged or foreign program may lead torch to
        told = str(error).strip().partition("\n")[0][:200]
        raise ProgramError(
            f"the program in '{folder}' fails on the batch it was recorded with, under torch "
            f"{torch.__version__}: {type(error).__name__}: {told}; copy the run again from where "
            "it was recorded, or read it with the torch named in its run.json."
        ) from error
