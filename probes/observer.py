"""One optimizer's parameters, shown to the probes before and after its step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer

from probes.arenas import Arenas
from probes.probe import Look, ParameterProbe, Probe
from probes.troubles import Troubles


class Observer:
    """Looks at parameters before and after a step, through every probe that wants to."""

    def __init__(
        self,
        probes: Sequence[Probe],
        parameters: Mapping[str, Tensor],
        arenas: Arenas,
        troubles: Troubles,
    ) -> None:
        self._probes = [(n, p) for n, p in enumerate(probes) if isinstance(p, ParameterProbe)]
        self._arenas, self._troubles = arenas, troubles
        self._parameters = {k: p for k, p in parameters.items() if not is_lazy(p) and p.numel()}
        self._looks: list[tuple[ParameterProbe, Look]] = []

    def before(self, optimizer: Optimizer | None) -> None:
        with torch.no_grad():
            self._looks = self._look(optimizer)
            for probe, look in self._looks:
                self._ask(probe, probe.before, look)

    def after(self) -> None:
        looks, self._looks = self._looks, []  # none when `before` failed
        with torch.no_grad():
            for probe, look in looks:
                self._ask(probe, probe.after, look)

    def _look(self, optimizer: Optimizer | None) -> list[tuple[ParameterProbe, Look]]:
        places: dict[torch.device, list[str]] = defaultdict(list)
        for name, parameter in self._parameters.items():
            places[parameter.device].append(name)
        scale = getattr(optimizer, "grad_scale", None)
        looks = []
        for device, names in places.items():
            arena = self._arenas(device)
            tensors = [self._parameters[name] for name in names]
            looks += [
                (probe, Look(names, tensors, optimizer, arena.shelves[n], scale, arena.record))
                for n, probe in self._probes
            ]
        return looks

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
