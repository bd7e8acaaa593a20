"""How a batch's loss is made of its examples': found out when a program is recorded.

May a batch be of another size? Are two batches' losses averaged, or added up, to make that of
both? Are the outputs `examples` what each example gives alone?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from probes.program.examples import without_examples
from probes.program.form import Program, Recorded, TensorSpec
from probes.program.interpreter import prepare

NEAR = 1e-3  # relative; rounding is far below, another way of averaging far above
ROUNDINGS = 8  # that halves may be off by, which round far above that
SOME = 5  # examples that two ways of averaging are told apart on
ALONE = 3  # examples that are tried one by one
FEW = 256  # examples that stand for a large batch while a program is tried out


def cut(program: Program, batch: Mapping[str, Tensor], start: int, end: int) -> dict[str, Tensor]:
    """Some of the examples."""
    names = batched(program.tensors.values())
    return {k: v[start:end] if k in names else v for k, v in batch.items()}


def batched(specs: Iterable[TensorSpec]) -> frozenset[str]:
    """The inputs that have a row for each example."""
    return frozenset(spec.name for spec in specs if spec.batched)


def few(batch: Mapping[str, Tensor], names: frozenset[str]) -> dict[str, Tensor]:
    """At most FEW of the examples, evenly from first to last: batches may be sorted."""
    size = max((len(batch[name]) for name in names), default=0)
    if size <= FEW:
        return dict(batch)
    drawn = torch.arange(FEW) * size // FEW
    return {k: v[drawn.to(v.device)] if k in names else v for k, v in batch.items()}


def of_few(recorded: Recorded) -> Recorded:
    """The same program, and few of its examples."""
    names = batched(recorded.program.tensors.values())
    batch = few(recorded.batch, names)
    size = min(recorded.program.batch, FEW) if names else recorded.program.batch
    return replace(recorded, program=replace(recorded.program, batch=size), batch=batch)


def one_by_one(
    program: Program, weights: Mapping[str, Tensor], batch: Mapping[str, Tensor], many: int
) -> Tensor:
    """The losses of the first examples, each a batch of its own."""
    evaluate = prepare(program)
    losses = [
        evaluate(weights, cut(program, batch, n, n + 1))["loss"]
        for n in range(min(many, program.batch))
    ]
    return torch.stack(losses)


def of_one_size(recorded: Recorded) -> Recorded:
    """No batch of another size may be given."""
    program, batch = recorded.program, recorded.batch
    tensors = {
        reference: replace(spec, shape=tuple(batch[spec.name].shape)) if spec.batched else spec
        for reference, spec in program.tensors.items()
    }
    return replace(recorded, program=replace(program, tensors=tensors, dynamic=False))


def with_true_examples(recorded: Recorded, weights: Mapping[str, Tensor]) -> Recorded:
    """The outputs `examples` stay only if they are what an example alone gives."""
    program = recorded.program
    if _examples_are_true(recorded, weights):
        return recorded
    graphs = {mode: without_examples(graph) for mode, graph in program.graphs.items()}
    return replace(recorded, program=replace(program, graphs=graphs))


def _examples_are_true(recorded: Recorded, weights: Mapping[str, Tensor]) -> bool:
    program, batch = recorded.program, recorded.batch
    if "examples" not in program.graphs["eval"].outputs:
        return False
    with torch.no_grad():
        alone = one_by_one(program, weights, batch, ALONE)
        try:
            found = prepare(program, wanted=("examples",))(weights, batch)["examples"]
        except Exception:  # such as of terms that do not come out even for each example
            return False
    return found.shape[:1] == (program.batch,) and _near(alone, found[:ALONE])


def with_reduction(recorded: Recorded, weights: Mapping[str, Tensor]) -> Recorded:
    """How the losses of two batches make the loss of both: their mean by size, their sum."""
    program = recorded.program
    if not program.dynamic or program.batch < 2:
        return recorded
    end = min(program.batch, SOME)
    middle = end - max(1, end // 3)
    whole, one, two = (
        _loss(recorded, weights, *part) for part in ((0, end), (0, middle), (middle, end))
    )
    mean = (one.double() * middle + two.double() * (end - middle)) / end
    added = one.double() + two.double()
    found = "mean" if _near(whole, mean) else "sum" if _near(whole, added) else "other"
    return replace(recorded, program=replace(program, reduction=found))


def _loss(recorded: Recorded, weights: Mapping[str, Tensor], start: int, end: int) -> Tensor:
    evaluate = prepare(recorded.program)
    with torch.no_grad():
        part = cut(recorded.program, recorded.batch, start, end)
        return evaluate(weights, part)["loss"].cpu()


def _near(one: Tensor, other: Tensor) -> bool:
    """Up to the rounding of the first."""
    far = max(NEAR, ROUNDINGS * torch.finfo(one.dtype).eps)
    return torch.allclose(one.double(), other.double(), rtol=far, atol=1e-30, equal_nan=True)
