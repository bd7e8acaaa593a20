"""Subject: a model, its loss and its data as a function of one flat vector. The one torch door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diagnostics.factory import made_by
from diagnostics.subject.batches import Batches, at_a_time, at_each, check_differentiable, exactly
from diagnostics.subject.data import as_numpy, checked_parts, first_look
from diagnostics.subject.derivatives import Graph, flat_gradient, products
from diagnostics.subject.description import described, first_seen
from diagnostics.subject.draws import Asked, Draws, Masks, drawn
from diagnostics.subject.losses import (
    Batch,
    LiveLoss,
    Reduction,
    Source,
    Statistics,
    Tensors,
    all_double,
    check_device,
    checked,
    checked_reduction,
    fitting,
    listed,
    widest,
)
from diagnostics.subject.naming import LastNamed, named
from diagnostics.subject.recorded import first_run, last_snapshot, recorded_loss, recorded_program
from diagnostics.subject.reduction import reduction_of
from diagnostics.weight_space import About, Examples, Floats, Operator
from probes.folder import FathomError
from probes.program.objective import Loss
from probes.snapshot_file import read_snapshot, snapshot_steps


class Subject:
    """Every question is answered at a point given by its weights; nothing is ever changed.

    Dropout is off but for `draws`. Of several batches the losses are added if the loss is a sum
    over examples; else they are averaged by the batches' numbers of examples, as a mean's are.
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
        drawn from at random; with it numbers have standard errors. Whether the loss is a mean or
        a sum is tried on a few examples: see `about.reduction`, and `reduced_by` to say otherwise.
        """
        source = LiveLoss(model, loss, checked(statistics))
        batches = listed(source, batch)
        source.reduction = reduction_of(source, batches[0])
        self._begin(source, batches, About("", -1, "", 0, population, 0, statistics, "", ""))

    @classmethod
    def recorded(
        cls, folder: str | Path, step: int | None = None, statistics: Statistics = "running"
    ) -> Subject:
        """From a run folder alone: its program, the batch it was recorded with, a snapshot."""
        recorded = recorded_program(folder)
        step = last_snapshot(folder) if step is None else step
        source = recorded_loss(folder, recorded, step, checked(statistics))
        about = About(Path(folder).resolve().name, step, "", 0, 0, 0, statistics, "", "")
        subject: Subject = cls.__new__(cls)
        with first_run(folder):
            subject._begin(source, listed(source, recorded.batch), about)
        subject._folder, subject._held_out = Path(folder), recorded.held_out
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
        self._held_out: Tensors | None = None
        self._last_named = LastNamed()
        self._data, self._whose = "", "data given" if about.step < 0 else "recorded batch"
        estimates = about.statistics == "re-estimated" and source.normalises
        self._batches = Batches(source, batches, source.rest, batches if estimates else ())
        self._dtypes = {name: tensor.dtype for name, tensor in source.varied.items()}
        parts = [source.varied[piece.name].flatten() for piece in self.pieces]
        self.centre = torch.cat([part.to(widest(self._dtypes.values())) for part in parts])
        self._describe(about)

    def _describe(self, about: About) -> None:
        """One look at the centre, for what cannot be told otherwise."""
        with torch.no_grad(), self._exactly():
            loss, self.measures = first_seen(self._batches, self._named(self.centre))
        told = self._data or f"{self._batches.examples} examples of the {self._whose}"
        self.about = described(self._batches, replace(about, data=told), self.centre, loss)

    @property
    def key(self) -> str:
        return self.about.key

    @property
    def classes(self) -> NDArray[np.int64] | None:
        """One an example, in the order of `examples_at`; negative: none is to be met. Or None."""
        return self._batches.classes() if "accuracy" in self.measures else None

    @property
    def held_out(self) -> Subject | None:
        """The same weights on the examples that the run held out, if its recording has any."""
        if self._held_out is None:
            return None
        size = self._batches.source.batch(self._held_out).size
        return self.beside(self._held_out, f"{size} held-out examples of the recording")

    def on(self, batch: Any, data: str = "") -> Subject:
        """The same weights on other data; a list stands for several batches."""
        return self._on(self._batches.on(listed(self._batches.source, batch), self._like), data)

    def beside(self, batch: Any, data: str = "") -> Subject:
        """The same weights on data held out: re-estimated statistics stay of the data here."""
        return self._on(self._batches.beside(listed(self._batches.source, batch), self._like), data)

    def _on(self, batches: Batches, data: str) -> Subject:
        other = copy(self)
        other._batches, other._data, other._whose = batches, data, "data given"
        with first_look(self._batches.all[0].inputs):
            other._describe(replace(self.about, population=0))
        return other

    def reduced_by(self, reduction: Reduction) -> Subject:
        """Of a loss that you know to be the "mean" over examples, or their "sum"."""
        other, source = copy(self), copy(self._batches.source)
        source.reduction = checked_reduction(reduction)
        other._batches = self._batches.by(source)
        other._describe(self.about)
        return other

    def double(self) -> Subject:
        """In float64: weights, data, what a program converts; not what a live model's code does."""
        return self._cast(lambda t: t.double() if t.is_floating_point() else t)

    def to(self, device: str) -> Subject:
        check_device(device)
        return self._cast(lambda t: t.to(device))

    def _cast(self, change: Callable[[Tensor], Tensor]) -> Subject:
        other = copy(self)
        other.centre = change(self.centre)
        other._batches = self._batches.changed(change)
        other._dtypes = {n: change(torch.empty(0, dtype=d)).dtype for n, d in self._dtypes.items()}
        other._describe(self.about)
        return other

    def _like(self, tensor: Tensor) -> Tensor:
        """Where this subject is, and doubled if all of it is: a part may be on purpose."""
        dtypes = [*self._dtypes.values(), *(t.dtype for t in self._batches.rest.values())]
        double = tensor.is_floating_point() and all_double(dtypes)
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
        size = at_a_time(self._batches, self.centre)
        with torch.inference_mode(), self._exactly():
            return self.array(at_each(lambda w: measure(self._named(w)), points, size))

    def accuracy(self, point: Tensor) -> float:
        if "accuracy" not in self.measures:
            raise FathomError("the targets are not numbers of classes, so there is no accuracy.")
        return float(self.measures_at([point])[0, 1])

    def per_example_losses(self, point: Tensor) -> Floats:
        """Each example's own loss, whether the loss is their mean or their sum."""
        with torch.inference_mode(), self._exactly():
            return self.array(self._batches.own(self._named(point))[0][0])

    def examples_at(self, point: Tensor) -> Examples:
        """Each example's measures; with batch statistics the others still matter."""
        with torch.inference_mode(), self._exactly():
            values, counts = map(self.array, self._batches.own(self._named(point)))
        if self._batches.adds:
            values[0] *= self.about.examples
        return Examples(values[: len(self.measures)], counts / counts.mean())

    def predict(self, point: Tensor) -> list[NDArray[Any]]:
        """The model's predictions for each batch."""
        with torch.inference_mode(), self._exactly():
            return [as_numpy(p) for p in self._batches.predictions(self._named(point))]

    def draws(
        self,
        count: int,
        *,
        seed: int = 0,
        masks: Masks = "independent",
        only: Sequence[str] | None = None,
        p: float | None = None,
    ) -> Draws:
        """Predictions at the centre with dropout on: all of it, or `only` some names of `fired`."""
        with torch.no_grad(), self._exactly():
            weights = self._last_named(self.centre, self.pieces, self._dtypes)
            return drawn(self._batches, weights, Asked(count, seed, masks, only, p))

    def gradient_at(self, point: Tensor) -> Tensor:
        check_differentiable(self.about.statistics)
        whole = torch.zeros_like(point)
        for batch, share in self._batches.shares():
            whole += self._graph(point, batch, share, twice=False)[0]
        return whole

    def hvp(self, point: Tensor, vector: Tensor) -> Tensor:
        product: Tensor = self.hessian_at(point)(vector)
        return product

    def hessian_at(self, point: Tensor) -> Operator:
        """Reverse over reverse.

        Never forward over `jacrev`: wrong, silently, on LayerNorm and batch statistics. Plain
        double backward is also the only way through a fused LSTM.
        """
        check_differentiable(self.about.statistics)
        shares, device = self._batches.shares(), self.centre.device
        return products(shares, partial(self._graph, point), device, self._exactly)

    def _graph(self, point: Tensor, batch: Batch, share: float, *, twice: bool = True) -> Graph:
        leaves = self._leaves(point)
        with self._exactly(smooth=True):
            loss = share * self._batches.loss(leaves, batch)
            return flat_gradient(loss, leaves, point.dtype, create_graph=twice), leaves

    def _named(self, point: Tensor) -> Tensors:
        return named(point, self.pieces, self._dtypes)

    def _leaves(self, point: Tensor) -> Tensors:
        """Of their own: a slice of one vector would cost its whole length going backward."""
        return {name: part.detach().requires_grad_() for name, part in self._named(point).items()}

    def _exactly(self, *, smooth: bool = False) -> AbstractContextManager[None]:
        return exactly(smooth=smooth, recurrent=self._batches.source.recurrent)
