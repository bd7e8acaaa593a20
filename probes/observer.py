"""One optimizer's parameters under all probes: their arena, and the rows that come out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from probes.arena import Arena, Reduced
from probes.pending import Pending
from probes.probe import Look, Probe
from probes.troubles import Troubles

Deliver = Callable[[list[str], list[Reduced]], None]  # names of the tensors; each series' rows


class Observer:
    """Looks at parameters before and after a step, through every probe."""

    def __init__(
        self, probes: Sequence[Probe], parameters: Mapping[str, Tensor], troubles: Troubles
    ) -> None:
        self._probes, self._troubles = probes, troubles
        self._parameters = {k: p for k, p in parameters.items() if not is_lazy(p) and p.numel()}
        self._arenas: dict[torch.device, tuple[Arena, list[str]]] = {}
        self._looks: list[list[Look]] = []

    def before(self, optimizer: Optimizer | None) -> None:
        scale = getattr(optimizer, "grad_scale", None)
        with torch.no_grad():
            self._looks = [self._look(*place, scale) for place in self._places()]
            for looks in self._looks:
                for probe, look in zip(self._probes, looks, strict=True):
                    self._ask(probe, probe.before, look)

    def after(self, pending: Pending, deliver: Deliver) -> None:
        looks, self._looks = self._looks, []  # none when `before` failed
        with torch.no_grad():
            for here, (arena, names) in zip(looks, self._arenas.values(), strict=False):
                for probe, look in zip(self._probes, here, strict=True):
                    self._ask(probe, probe.after, look)
                pending.add(arena.reduce(), _Unfolding(arena, names, deliver))

    def _ask(self, probe: Probe, moment: Callable[[Look], None], look: Look) -> None:
        """A probe that fails gives no row; one that keeps failing is no longer asked."""
        doing = f"the probe of {probe.series}"
        if look.spoiled or self._troubles.hopeless(doing):
            return
        try:
            moment(look)
        except Exception as error:
            look.spoil()
            self._troubles.failed(doing, error)

    def unfit(self) -> list[str]:
        """Tensors that were there and could not be looked at: sparse ones, say."""
        return [
            names[n]
            for arena, names in self._arenas.values()
            for series in range(len(self._probes))
            for n in arena.rows(series).unfit
        ]

    def _places(self) -> list[tuple[Arena, list[str]]]:
        """One arena a device, made when first needed: models move after they are built."""
        if not self._arenas:
            for device in dict.fromkeys(p.device for p in self._parameters.values()):
                names = [name for name, p in self._parameters.items() if p.device == device]
                tensors = [self._parameters[name] for name in names]
                self._arenas[device] = Arena(tensors, len(self._probes)), names
        return list(self._arenas.values())

    def _look(self, arena: Arena, names: list[str], scale: Tensor | None) -> list[Look]:
        arena.begin()
        parameters = [self._parameters[name] for name in names]
        return [Look(parameters, arena.rows(n), scale) for n in range(len(self._probes))]


class _Unfolding:
    """Takes a record apart once it is on the host; which rows it has is known at its start."""

    def __init__(self, arena: Arena, names: list[str], deliver: Deliver) -> None:
        self._arena, self._names, self._deliver = arena, names, deliver
        self._layout = arena.layout()

    def __call__(self, flat: NDArray[np.float32]) -> None:
        self._deliver(self._names, self._arena.unfold(flat, self._layout))
