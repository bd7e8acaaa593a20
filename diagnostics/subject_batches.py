"""A loss over all of a subject's batches, one after the other, and the derivatives of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from diagnostics.subject_data import are_classes, correct, free_memory
from diagnostics.subject_losses import AGREES, Batch, Source, Tensors
from probes.folder import FathomError

SEEN = ("loss", "predictions")


class Batches:
    """What a source gives for all the data, at weights by their names."""

    def __init__(
        self, source: Source, batches: Sequence[Batch], rest: Tensors, *, estimates: bool
    ) -> None:
        """`rest` are the tensors that are not varied; `estimates`: their statistics are made anew
        of all the data at each point."""
        self.source, self.all, self.rest, self._estimates = source, batches, rest, estimates
        self.examples = sum(batch.size for batch in batches)

    def changed(self, change: Callable[[Tensor], Tensor]) -> Batches:
        """All tensors in another place or precision."""
        moved = [_changed(batch, change) for batch in self.all]
        rest = {name: change(tensor) for name, tensor in self.rest.items()}
        return Batches(self.source, moved, rest, estimates=self._estimates)

    def on(self, batches: Sequence[Batch], change: Callable[[Tensor], Tensor]) -> Batches:
        """The same loss on other data."""
        moved = [_changed(batch, change) for batch in batches]
        return Batches(self.source, moved, self.rest, estimates=self._estimates)

    def with_rest(self, arrays: Mapping[str, NDArray[Any]]) -> Batches:
        """With what stands still at a snapshot: running statistics, frozen parameters."""
        fresh = {
            name: torch.as_tensor(arrays[name], dtype=old.dtype, device=old.device)
            for name, old in self.rest.items()
            if name in arrays
        }
        rest = self.rest | fresh
        return Batches(self.source, self.all, rest, estimates=self._estimates)

    def shares(self) -> Iterator[tuple[Batch, float]]:
        return ((batch, batch.size / self.examples) for batch in self.all)

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

    def predictions(self, varied: Tensors) -> list[Tensor]:
        weights = self._weights(varied)
        return [self.source(weights, b, ("predictions",))["predictions"] for b in self.all]

    def _weights(self, varied: Tensors) -> Tensors:
        weights = self.rest | varied
        if not self._estimates:
            return weights
        found: Tensors = {}
        for batch, share in self.shares():
            for name, part in self.source.statistics(weights, batch).items():
                found[name] = found[name] + share * part if name in found else share * part
        return weights | found


def _changed(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    return replace(batch, inputs={name: change(part) for name, part in batch.inputs.items()})


def own_measures(source: Source, weights: Tensors, batch: Batch) -> tuple[Tensor, Tensor]:
    """The loss and the accuracy of each example, [2, example], and what each counts for."""
    found = source(weights, batch, ("loss", "predictions", "examples", "counts"))
    each = found["examples"] if "examples" in found else _alone(source, weights, batch)
    counts = found.get("counts", torch.ones_like(each)).double()
    each = torch.where(counts > 0, each.double(), 0.0)  # of an example that is all padding: nothing
    mean = (each * counts).sum() / counts.sum()
    loss = found["loss"].double()
    if loss.isfinite() and not torch.allclose(mean, loss, rtol=AGREES, atol=1e-12):
        raise FathomError(
            f"the loss of a batch ({float(loss):.6g}) is not the mean over its examples "
            f"({float(mean):.6g}); without that an example has no loss of its own. Let the "
            "loss be a mean, as by reduction='mean'."
        )
    accuracy = torch.full_like(each, torch.nan, dtype=torch.float64)
    target = batch.inputs.get("target")
    if are_classes(found.get("predictions"), target):
        met, counted = correct(found["predictions"], target)
        accuracy = met.double() / counted.clamp_min(1)
    return torch.stack([each, accuracy]), counts


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


def flat_gradient(
    loss: Tensor, leaves: Tensors, dtype: torch.dtype, *, create_graph: bool = False
) -> Tensor:
    """Of all tensors end to end; zero of those that the loss does not use."""
    found = torch.autograd.grad(
        loss, [*leaves.values()], create_graph=create_graph, allow_unused=True
    )
    return _flat(found, leaves, dtype)


def backward(gradient: Tensor, leaves: Tensors, vector: Tensor) -> Tensor:
    """The derivative of the gradient along a vector; its graph stays for the next."""
    if not gradient.requires_grad:  # a loss linear in the weights has no second derivative
        return torch.zeros_like(vector)
    found = torch.autograd.grad(
        gradient, [*leaves.values()], vector, retain_graph=True, allow_unused=True
    )
    return _flat(found, leaves, vector.dtype)


def _flat(parts: Sequence[Tensor | None], leaves: Tensors, dtype: torch.dtype) -> Tensor:
    pairs = zip(parts, leaves.values(), strict=True)
    there = [torch.zeros_like(leaf) if part is None else part for part, leaf in pairs]
    return torch.cat([part.flatten().to(dtype) for part in there])


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


def spare_memory(device: torch.device) -> int:
    """Bytes that are free where the work is done."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_memory()
