"""Subject: a model, its loss and its data as a function of one flat vector. The one torch door."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diagnostics.factory import made_by
from diagnostics.subject_batches import (
    SEEN,
    Batches,
    at_once,
    backward,
    check_differentiable,
    exactly,
    flat_gradient,
    spare_memory,
)
from diagnostics.subject_data import are_classes, as_numpy, checked_parts, fingerprint
from diagnostics.subject_losses import (
    Batch,
    LiveLoss,
    RecordedLoss,
    Source,
    Statistics,
    Tensors,
    check_device,
    checked,
    fitting,
    last_snapshot,
    listed,
    recorded_program,
    widest,
)
from diagnostics.weight_space import About, Examples, Floats, Operator
from probes.folder import FathomError
from probes.program.objective import Loss
from probes.program.storage import weights_of
from probes.snapshot_file import read_snapshot, snapshot_steps

CHUNK = 8  # points at once on an accelerator, whose time goes into starting kernels
SMALL = 1 << 28  # weights times examples up to which that is so
KEPT = 0.5  # of the free memory that graphs of the gradient may take


class Subject:
    """Every question is answered at a point given by its weights; nothing is ever changed.

    Dropout is off. Of several batches the losses are averaged by their numbers of examples, as is
    right for a loss that is a mean.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        batch: Any,
        *,
        statistics: Statistics = "running",
        population: int = 0,
    ) -> None:
        """Of a model in memory, which is copied. A list stands for several batches.

        `loss` and `batch` are as for the Recorder. `population` is how many examples these were
        drawn from at random; with it numbers have standard errors.
        """
        source = LiveLoss(model, loss, checked(statistics))
        about = About("", -1, "", 0, population, 0, statistics, "", "")
        self._begin(source, listed(source, batch), about)

    @classmethod
    def recorded(
        cls, folder: str | Path, step: int | None = None, statistics: Statistics = "running"
    ) -> Subject:
        """From a run folder alone: its program, the batch it was recorded with, a snapshot."""
        recorded = recorded_program(folder)
        step = last_snapshot(folder) if step is None else step
        weights = weights_of(recorded.program, read_snapshot(folder, step))
        source = RecordedLoss(recorded, weights, checked(statistics))
        about = About(Path(folder).resolve().name, step, "", 0, 0, 0, statistics, "", "")
        subject: Subject = cls.__new__(cls)
        subject._begin(source, [source.batch(recorded.batch)], about)
        subject._folder = Path(folder)
        return subject

    def at(self, folder: str | Path, step: int | None = None) -> Subject:
        """The same loss and data at a run's snapshot: of a run whose program is not recorded."""
        step = last_snapshot(folder) if step is None else step
        other, arrays = copy(self), read_snapshot(folder, step)
        other._folder = Path(folder)
        other.centre = other.snapshot(step)
        other._batches = self._batches.with_rest(arrays)
        other._describe(replace(self.about, run=Path(folder).resolve().name, step=step))
        return other

    @classmethod
    def made_by(cls, place: str, statistics: Statistics = "running") -> Subject:
        """What "module:factory" gives: a Subject, which has statistics of its own, or its parts."""
        made = made_by(place)
        if isinstance(made, Subject):
            return made
        return cls(*checked_parts(place, made), statistics=statistics)

    def _begin(self, source: Source, batches: list[Batch], about: About) -> None:
        if not source.pieces:
            raise FathomError("no parameter of the model requires a gradient: nothing to move.")
        self.pieces, self._folder = source.pieces, Path()
        self._data, recorded = "", isinstance(source, RecordedLoss)
        self._whose = "recorded batch" if recorded else "data given"
        estimates = about.statistics == "re-estimated" and source.normalises
        self._batches = Batches(source, batches, source.rest, estimates=estimates)
        self._dtypes = {name: tensor.dtype for name, tensor in source.varied.items()}
        parts = [source.varied[piece.name].flatten() for piece in self.pieces]
        self.centre = torch.cat([part.to(widest(self._dtypes.values())) for part in parts])
        self._describe(about)

    def _describe(self, about: About) -> None:
        """One look at the centre, for what cannot be told otherwise."""
        source, first = self._batches.source, self._batches.all[0]
        with torch.no_grad(), self._exactly():
            found = source(self._batches.rest | self._named(self.centre), first, SEEN)
        classes = are_classes(found.get("predictions"), first.inputs.get("target"))
        self.measures: tuple[str, ...] = ("loss", "accuracy") if classes else ("loss",)
        examples, inputs = self._batches.examples, [b.inputs for b in self._batches.all]
        statistics = about.statistics if source.normalises else "none"
        precision = str(self.centre.dtype).removeprefix("torch.")
        seen = "" if about.step >= 0 else f"{float(found['loss']):.5e}"  # of a live loss words fail
        self.about = replace(
            about,
            data=self._data or f"{examples} examples of the {self._whose}",
            examples=examples,
            batches=len(inputs),
            statistics=statistics,
            precision=precision,
            key=fingerprint(source.words, seen, statistics, precision, self._batches.rest, *inputs),
        )

    @property
    def key(self) -> str:
        return self.about.key

    def on(self, batch: Any, data: str = "") -> Subject:
        """The same weights on other data, held out say; a list stands for several batches."""
        other = copy(self)
        other._batches = self._batches.on(listed(self._batches.source, batch), self._like)
        other._data, other._whose = data, "data given"
        other._describe(replace(self.about, population=0))
        return other

    def double(self) -> Subject:
        """In float64: all weights and data, not the program's own conversions."""
        return self._cast(lambda t: t.double() if t.is_floating_point() else t)

    def to(self, device: str) -> Subject:
        check_device(device)
        return self._cast(lambda t: t.to(device))

    def _cast(self, change: Callable[[Tensor], Tensor]) -> Subject:
        other = copy(self)
        other.centre = change(self.centre)
        other._batches = self._batches.changed(change)
        empty = {name: change(torch.empty(0, dtype=d)) for name, d in self._dtypes.items()}
        other._dtypes = {name: tensor.dtype for name, tensor in empty.items()}
        other._describe(self.about)
        return other

    def _like(self, tensor: Tensor) -> Tensor:
        """Where this subject is, and doubled if it is."""
        double = self.centre.dtype is torch.float64 and tensor.is_floating_point()
        return tensor.to(self.centre.device, torch.float64 if double else tensor.dtype)

    @property
    def snapshots(self) -> tuple[int, ...]:
        """The steps at which the run has weights; none of a model in memory."""
        return snapshot_steps(self._folder) if self.about.step >= 0 else ()

    def snapshot(self, step: int) -> Tensor:
        """The weights at another step of the run that this came from."""
        arrays = read_snapshot(self._folder, step)
        return torch.cat([self.vector(fitting(arrays, piece)) for piece in self.pieces])

    def vector(self, values: NDArray[Any]) -> Tensor:
        return torch.as_tensor(values, dtype=self.centre.dtype, device=self.centre.device)

    def array(self, vector: Tensor) -> Floats:
        return np.asarray(vector.detach().double().cpu().numpy())

    def rows(self, count: int) -> Tensor:
        return self.centre.new_empty((count, len(self.centre)))

    def loss_at(self, point: Tensor) -> float:
        return float(self.losses_at([point])[0])

    def losses_at(self, points: Iterable[Tensor]) -> Floats:
        """The loss at each point; read from the device once, at the end."""
        return self._at_each(self._batches.total, points)

    def measures_at(self, points: Iterable[Tensor]) -> Floats:
        """Every measure at each point, as [point, measure]."""
        if self.measures == ("loss",):
            return self.losses_at(points)[:, None]
        return self._at_each(self._batches.measured, points)

    def _at_each(self, measure: Callable[[Tensors], Tensor], points: Iterable[Tensor]) -> Floats:
        left = iter(points)
        size = CHUNK if self._in_chunks() else 1
        with torch.inference_mode(), self._exactly():
            chunks = iter(lambda: list(islice(left, size)), [])
            found = [at_once(lambda w: measure(self._named(w)), chunk) for chunk in chunks]
            return self.array(torch.cat(found))

    def accuracy(self, point: Tensor) -> float:
        if "accuracy" not in self.measures:
            raise FathomError("the targets are not numbers of classes, so there is no accuracy.")
        return float(self.measures_at([point])[0, 1])

    def per_example_losses(self, point: Tensor) -> Floats:
        return np.asarray(self.examples_at(point).values[0])

    def examples_at(self, point: Tensor) -> Examples:
        """Each example's own measures; with batch statistics the others still matter."""
        with torch.inference_mode(), self._exactly():
            values, counts = map(self.array, self._batches.own(self._named(point)))
        return Examples(values[: len(self.measures)], counts / counts.mean())

    def predict(self, point: Tensor) -> list[NDArray[Any]]:
        """The model's predictions for each batch."""
        with torch.inference_mode(), self._exactly():
            return [as_numpy(p) for p in self._batches.predictions(self._named(point))]

    def gradient_at(self, point: Tensor) -> Tensor:
        check_differentiable(self.about.statistics)
        whole = torch.zeros_like(point)
        for batch, share in self._batches.shares():
            leaves = self._leaves(point)
            with self._exactly(smooth=True):
                loss = share * self._batches.loss(leaves, batch)
                whole += flat_gradient(loss, leaves, whole.dtype)
        return whole

    def hvp(self, point: Tensor, vector: Tensor) -> Tensor:
        product: Tensor = self.hessian_at(point)(vector)
        return product

    def hessian_at(self, point: Tensor) -> Operator:
        """Reverse over reverse; batches' graphs are kept while half of the memory is free.

        Never forward over `jacrev`: wrong, silently, on LayerNorm and batch statistics. Plain
        double backward is also the only way through a fused LSTM.
        """
        check_differentiable(self.about.statistics)
        floor = KEPT * spare_memory(self.centre.device)
        kept: list[tuple[Tensor, Tensors]] = []
        rebuilt: list[tuple[Batch, float]] = []
        for batch, share in self._batches.shares():
            if kept and spare_memory(self.centre.device) < floor:
                rebuilt.append((batch, share))
            else:
                kept.append(self._graph(point, batch, share))

        def product(vector: Tensor) -> Tensor:
            with self._exactly():
                parts = [backward(*graph, vector) for graph in kept]
                parts += [backward(*self._graph(point, *part), vector) for part in rebuilt]
            return torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]

        return product

    def _graph(self, point: Tensor, batch: Batch, share: float) -> tuple[Tensor, Tensors]:
        leaves = self._leaves(point)
        with self._exactly(smooth=True):
            loss = share * self._batches.loss(leaves, batch)
            return flat_gradient(loss, leaves, point.dtype, create_graph=True), leaves

    def _in_chunks(self) -> bool:
        """Do many points at once pay? Where starting kernels is what takes the time."""
        numbers = self._batches.examples * len(self.centre)
        plain = not self._batches.source.recurrent and self.about.statistics != "re-estimated"
        return self.centre.is_cuda and plain and numbers <= SMALL

    def _named(self, point: Tensor) -> Tensors:
        """Views of a point, each in its tensor's own precision."""
        return {p.name: p.of(point).to(self._dtypes[p.name]) for p in self.pieces}

    def _leaves(self, point: Tensor) -> Tensors:
        """Of their own: a slice of one vector would cost its whole length going backward."""
        return {name: part.detach().requires_grad_() for name, part in self._named(point).items()}

    def _exactly(self, *, smooth: bool = False) -> AbstractContextManager[None]:
        return exactly(smooth=smooth, recurrent=self._batches.source.recurrent)
