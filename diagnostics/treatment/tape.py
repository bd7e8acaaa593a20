"""The tape: batches read once from the user's loader, and replayed alike to every trial."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch

from diagnostics.treatment.chance import own_chance
from diagnostics.treatment.rows import changed, first, size, tensors, whole
from diagnostics.treatment.training import Batches, Training
from probes.folder import FathomError

MOST_BYTES = 1 << 30  # of recorded batches; longer trials replay them from the start
SEEN, UNSEEN = 384, 768  # rows on which losses are measured


@dataclass(frozen=True)
class Tape:
    """What every trial of one seed is given."""

    batches: tuple[Any, ...]
    seen: tuple[Any, ...]  # a fixed part of the batches, on which the training loss is measured
    unseen: tuple[Any, ...]  # of the held-out data


def recorded(training: Training, seed: int, skip: int, count: int) -> Tape:
    """`count` batches of the training's own order, after the first `skip`."""
    device = _device(training)
    with own_chance(seed, training.batches, training.held_out):
        found = list(_bounded(islice(_endless(training.batches), skip, skip + count), device))
        held_out = training.held_out
        unseen = () if held_out is None else _measured_on(_once(held_out), UNSEEN, device)
    return Tape(tuple(found), _measured_on(found, SEEN, device), unseen)


def _device(training: Training) -> torch.device:
    parameter = next(training.model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def _once(batches: Batches) -> Iterable[Any]:
    return batches() if callable(batches) else batches


def _endless(batches: Batches) -> Iterator[Any]:
    """Epoch after epoch."""
    while True:
        before = None
        for before in _once(batches):
            yield before
        if before is None:
            raise FathomError("batches gives no batch at all; give a loader that is not empty.")


def _bounded(batches: Iterable[Any], device: torch.device) -> Iterator[Any]:
    room = MOST_BYTES
    for batch in batches:
        room -= sum(each.numel() * each.element_size() for each in tensors(batch))
        yield changed(batch, lambda tensor: tensor.to(device))
        if room <= 0:
            return


def _measured_on(batches: Iterable[Any], most: int, device: torch.device) -> tuple[Any, ...]:
    """The first rows, without those that no loss can be had of, unless that is all of them."""
    found: list[Any] = []
    broken: tuple[Any, ...] = ()
    for batch in batches:
        moved = changed(batch, lambda tensor: tensor.to(device))
        part = first(whole(moved), most)
        found += [part] if size(part) else []
        broken = broken or (first(moved, most),)
        most -= size(part)
        if most <= 0:
            break
    return tuple(found) or broken
