"""One series' place in the arena: samples of its tensors, and norms of the whole ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from probes.moments import Limits
from probes.norms import computable, whole_norms
from probes.sampling import fits, local, sample

AGAIN = 15  # of a tensor taken more often in one record only the first so many are looked at


class Slot(NamedTuple):
    """A tensor's place: which series, which tensor, the how-manieth in its record, what shape."""

    series: int
    name: str
    again: int
    shape: torch.Size  # of the sample
    limits: Limits | None

    @property
    def width(self) -> int:
        return self.shape.numel()


class Places(Protocol):
    """Where samples go; its record's number says which elements are looked at."""

    record: int

    def place(self, slot: Slot) -> Tensor: ...


class Shelf:
    """One series' samples and norms in a record."""

    def __init__(self, arena: Places, series: int) -> None:
        self._arena, self._series = arena, series
        self.clear()

    def clear(self) -> None:
        self.taken: list[Slot] = []
        self._fresh: list[Slot] = []  # of these, what has not been scaled
        self.unfit: list[str] = []  # there, but of a kind that cannot be sampled
        self.norms: dict[str, Tensor] = {}
        self.sizes: dict[str, int] = {}  # of the tensors whose norm was taken
        self._times: dict[str, int] = {}
        self._watched: dict[str, Tensor] = {}
        self._before: list[Tensor] = []
        self._whole: list[Tensor] = []

    def take(self, name: str, tensor: Tensor, limits: Limits | None = None) -> None:
        """Copy a sample in; what is taken again under a name in the same record is merged."""
        tensor = local(tensor)
        times = self._times.get(name, 0)
        if times >= AGAIN or not self._fit(name, tensor):
            return
        self._times[name] = times + 1
        found = self._sample(tensor)
        slot = Slot(self._series, name, times, found.shape, limits)
        self._arena.place(slot).copy_(found)
        self.taken.append(slot)
        self._fresh.append(slot)

    def take_all(
        self, names: Sequence[str], tensors: Sequence[Any], *, norms: bool = False
    ) -> None:
        """Copy in a sample of each; None stays out, and so does what cannot be sampled.

        What was taken before under the same name is replaced.
        """
        there = self._choose(names, tensors)
        if there:
            self._put(list(there), [self._sample(tensor) for tensor in there.values()])
            if norms:
                self._measure(there)

    def remember(self, names: Sequence[str], tensors: Sequence[Any], *, whole: bool) -> None:
        """Keep a sample of each tensor as it is now, for `change`; or the whole tensors too."""
        self._watched = self._choose(names, tensors)
        self._before = [_copied(self._sample(tensor)) for tensor in self._watched.values()]
        self._whole = [_copied(tensor) for tensor in self._watched.values()] if whole else []

    def change(self) -> None:
        """Copy in by how much what is remembered has changed since."""
        if self._before:
            now = [computable(self._sample(tensor)) for tensor in self._watched.values()]
            self._put(list(self._watched), list(torch._foreach_sub(now, self._before)))
        if self._whole:
            now = [computable(tensor) for tensor in self._watched.values()]
            changes = torch._foreach_sub(now, self._whole)
            self._measure(dict(zip(self._watched, changes, strict=True)))
        self._watched, self._before, self._whole = {}, [], []

    def _measure(self, tensors: dict[str, Tensor]) -> None:
        """Norms of the whole tensors."""
        self.norms.update(zip(tensors, whole_norms(list(tensors.values())), strict=True))
        self.sizes.update({name: tensor.numel() for name, tensor in tensors.items()})

    def _sample(self, tensor: Tensor) -> Tensor:
        return sample(tensor, self._arena.record)

    def scale(self, factor: Tensor | None) -> None:
        """Divide by a factor that lies on the device, if any, what was taken since last time."""
        if self._fresh and factor is not None:
            torch._foreach_div_([self._arena.place(slot) for slot in self._fresh], factor)
            names = {slot.name for slot in self._fresh} & self.norms.keys()
            self.norms.update({name: self.norms[name] / factor for name in names})
        self._fresh = []

    def _choose(self, names: Sequence[str], tensors: Sequence[Any]) -> dict[str, Tensor]:
        """The tensors that are there and can be sampled."""
        pairs = zip(names, map(local, tensors), strict=True)
        return {
            name: tensor for name, tensor in pairs if tensor is not None and self._fit(name, tensor)
        }

    def _fit(self, name: str, tensor: Tensor) -> bool:
        if fits(tensor) and tensor.numel():
            return True
        if not fits(tensor):
            self.unfit.append(name)
        return False

    def _put(self, names: list[str], samples: list[Tensor]) -> None:
        slots = [
            Slot(self._series, name, 0, found.shape, None)
            for name, found in zip(names, samples, strict=True)
        ]
        torch._foreach_copy_([self._arena.place(slot) for slot in slots], samples)
        if self.taken:
            new = set(names)
            self.taken = [slot for slot in self.taken if slot.name not in new]
            self._fresh = [slot for slot in self._fresh if slot.name not in new]
        self.taken += slots
        self._fresh += slots


def _copied(tensor: Tensor) -> Tensor:
    """In no less than single precision, where differences of half types survive."""
    small = tensor.dtype.itemsize == 1  # float8 has no type in common with others
    wide = torch.float32 if small else torch.promote_types(tensor.dtype, torch.float32)
    return tensor.to(wide, copy=True)
