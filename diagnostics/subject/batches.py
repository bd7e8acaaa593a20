"""A loss over all of a subject's batches, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from diagnostics.subject.data import are_classes, as_numpy, correct
from diagnostics.subject.losses import SEEN, Batch, Source, Tensors, agrees
from probes.folder import FathomError

CHUNK = 8  # points at once on an accelerator
SMALL = 1 << 28  # weights times examples up to which that pays


class Batches:
    """What a source gives for all the data, at weights by their names."""

    def __init__(
        self, source: Source, batches: Sequence[Batch], rest: Tensors, estimates: Sequence[Batch]
    ) -> None:
        """`rest` are the tensors that are not varied; `estimates` the data whose statistics are
        made anew at each point, if they are."""
        self.source, self.all, self.rest, self.estimates = source, batches, rest, estimates
        self.examples = sum(batch.size for batch in batches)

    def changed(self, change: Callable[[Tensor], Tensor]) -> Batches:
        """All tensors in another place or precision."""
        rest = {name: change(tensor) for name, tensor in self.rest.items()}
        moved = _changed(self.all, change)
        own = self.estimates is self.all
        return Batches(self.source, moved, rest, moved if own else _changed(self.estimates, change))

    def on(self, batches: Sequence[Batch], change: Callable[[Tensor], Tensor]) -> Batches:
        """The same loss on other data."""
        moved = _changed(batches, change)
        return Batches(self.source, moved, self.rest, moved if self.estimates else ())

    def beside(self, batches: Sequence[Batch], change: Callable[[Tensor], Tensor]) -> Batches:
        """The same loss on data held out: statistics are of what there was to train on."""
        return Batches(self.source, _changed(batches, change), self.rest, self.estimates)

    def by(self, source: Source) -> Batches:
        """The same data for another loss."""
        return Batches(source, self.all, self.rest, self.estimates)

    def with_rest(self, arrays: Mapping[str, NDArray[Any]]) -> Batches:
        """With what stands still at a snapshot: running statistics, frozen parameters."""
        fresh = {
            name: torch.as_tensor(arrays[name], dtype=old.dtype, device=old.device)
            for name, old in self.rest.items()
            if name in arrays
        }
        for name, tensor in fresh.items():
            if tensor.shape != (wanted := self.rest[name].shape):
                raise FathomError(
                    f"'{name}' is of shape {[*tensor.shape]} in the snapshot and of {[*wanted]} in "
                    "this model; another model?"
                )
        return Batches(self.source, self.all, self.rest | fresh, self.estimates)

    @property
    def adds(self) -> bool:
        """Is the loss of all the sum of the batches', and not their mean?"""
        return self.source.reduction == "sum"

    def shares(self) -> Iterator[tuple[Batch, float]]:
        """What each batch's loss counts for."""
        parts = zip(self.all, _parts(self.all), strict=True)
        return ((batch, 1.0 if self.adds else part) for batch, part in parts)

    def loss(self, varied: Tensors, batch: Batch) -> Tensor:
        return self.source(self.rest | varied, batch, ("loss",))["loss"]

    def total(self, varied: Tensors) -> Tensor:
        """The loss of all the examples."""
        weights = self._weights(varied)
        parts = [
            share * self.source(weights, batch, ("loss",))["loss"].double()
            for batch, share in self.shares()
        ]
        return torch.stack(parts).sum()

    def measured(self, varied: Tensors) -> Tensor:
        """Loss and accuracy by one pass: [measure]"""
        weights = self._weights(varied)
        losses, met, counted = [], [], []
        for batch, share in self.shares():
            found = self.source(weights, batch, SEEN)
            losses.append(share * found["loss"].double())
            right = correct(found["predictions"], batch.inputs["target"])
            met.append(right[0].sum())
            counted.append(right[1].sum())
        accuracy = torch.stack(met).sum().double() / torch.stack(counted).sum()
        return torch.stack([torch.stack(losses).sum(), accuracy])

    def own(self, varied: Tensors) -> tuple[Tensor, Tensor]:
        """Loss and accuracy of each example, [2, example], and what each counts for."""
        weights = self._weights(varied)
        values, counts = zip(
            *(own_measures(self.source, weights, batch) for batch in self.all), strict=True
        )
        return torch.cat(values, -1), torch.cat(counts)

    def classes(self) -> NDArray[np.int64] | None:
        """Each example's target, where it has one."""
        targets = [as_numpy(batch.inputs["target"]) for batch in self.all]
        one_each = all(target.ndim == 1 for target in targets)
        return np.concatenate(targets).astype(np.int64) if one_each else None

    def predictions(self, varied: Tensors) -> list[Tensor]:
        weights = self._weights(varied)
        return [self.source(weights, b, ("predictions",))["predictions"] for b in self.all]

    def _weights(self, varied: Tensors) -> Tensors:
        weights = self.rest | varied
        if not self.estimates:
            return weights
        found: Tensors = {}
        for batch, share in zip(self.estimates, _parts(self.estimates), strict=True):
            for name, part in self.source.statistics(weights, batch).items():
                found[name] = found[name] + share * part if name in found else share * part
        return weights | found


def _changed(batches: Sequence[Batch], change: Callable[[Tensor], Tensor]) -> list[Batch]:
    return [
        replace(batch, inputs={name: change(part) for name, part in batch.inputs.items()})
        for batch in batches
    ]


def _parts(batches: Sequence[Batch]) -> list[float]:
    """Of all the examples, each batch's share."""
    whole = sum(batch.size for batch in batches)
    return [batch.size / whole for batch in batches]


def own_measures(source: Source, weights: Tensors, batch: Batch) -> tuple[Tensor, Tensor]:
    """The loss and the accuracy of each example, [2, example], and what each counts for."""
    found = source(weights, batch, ("loss", "predictions", "examples", "counts"))
    each = found["examples"] if "examples" in found else _alone(source, weights, batch)
    counts = found.get("counts", torch.ones_like(each)).double()
    each = torch.where(counts > 0, each.double(), 0.0)  # of an example that is all padding: nothing
    _check_made_of(each, counts, found["loss"], source.reduction)
    accuracy = torch.full_like(each, torch.nan, dtype=torch.float64)
    target = batch.inputs.get("target")
    if are_classes(found.get("predictions"), target):
        met, counted = correct(found["predictions"], target)
        accuracy = met.double() / counted.clamp_min(1)
    return torch.stack([each, accuracy]), counts


def _check_made_of(each: Tensor, counts: Tensor, loss: Tensor, reduction: str) -> None:
    adds = reduction == "sum"
    whole = each.sum() if adds else (each * counts).sum() / counts.sum()
    near = torch.allclose(whole, loss.double(), rtol=agrees(loss.dtype), atol=1e-12)
    if loss.isfinite() and not near:
        raise FathomError(
            f"the loss of a batch ({float(loss):.6g}) is not the {'sum' if adds else 'mean'} over "
            f"its examples ({float(whole):.6g}); without that an example has no loss of its own. "
            "Let the loss be a mean or a sum, as by reduction='mean'."
        )


def _alone(source: Source, weights: Tensors, batch: Batch) -> Tensor:
    """Each example as a batch of its own."""
    if source.by_batch:
        raise FathomError(
            "with statistics='batch' an example has no loss of its own where the loss cannot be "
            "taken apart; use statistics='running'."
        )
    cut = [
        {k: t[n : n + 1] if len(t) == batch.size else t for k, t in batch.inputs.items()}
        for n in range(batch.size)
    ]
    alone = [source(weights, replace(batch, inputs=inputs, size=1), ("loss",)) for inputs in cut]
    return torch.stack([found["loss"] for found in alone])


def at_a_time(batches: Batches, centre: Tensor) -> int:
    """How many points at once pay: some, where starting kernels is what takes the time."""
    numbers = batches.examples * len(centre)
    plain = not batches.source.recurrent and not batches.estimates
    return CHUNK if centre.is_cuda and plain and numbers <= SMALL else 1


def at_each(measure: Callable[[Tensor], Tensor], points: Iterable[Tensor], size: int) -> Tensor:
    """At points one by one, or some at once."""
    left = iter(points)
    chunks = iter(lambda: list(islice(left, size)), [])
    return torch.cat([at_once(measure, chunk) for chunk in chunks])


def at_once(measure: Callable[[Tensor], Tensor], points: Sequence[Tensor]) -> Tensor:
    """At several points together; one after the other where some operation cannot, or is one."""
    if len(points) > 1:
        with suppress(RuntimeError):
            found: Tensor = vmap(measure)(torch.stack([*points]))
            return found
    return torch.stack([measure(point) for point in points])


@contextmanager
def exactly(*, smooth: bool, recurrent: bool) -> Iterator[None]:
    """No rounding to TF32; if smooth, only kernels that have two derivatives."""
    cudnn = torch.backends.cudnn
    enabled = cudnn.enabled and not (smooth and recurrent)
    with cudnn.flags(enabled=enabled, benchmark=cudnn.benchmark, allow_tf32=False):
        if smooth:
            with sdpa_kernel(SDPBackend.MATH):
                yield
        else:
            yield


def check_differentiable(statistics: str) -> None:
    """Can gradients be had with these statistics of batch normalisation?"""
    if statistics == "re-estimated":
        raise FathomError(
            "statistics='re-estimated' come from a second pass that no gradient follows; "
            "use 'batch', which agrees with them in value, for gradients and curvature."
        )
