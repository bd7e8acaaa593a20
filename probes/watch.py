"""All that is looked at in a step that is recorded, from its first forward pass to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from probes.arenas import Arenas
from probes.between_steps import BetweenSteps
from probes.compiled import is_compiled
from probes.forward import Forward
from probes.forward_order import ForwardOrder
from probes.layers import Layers
from probes.loss_scale import LossScales
from probes.observer import Observer
from probes.outbox import Outbox
from probes.parameters import describe, shares
from probes.probe import AttachedProbe, Probe
from probes.recording import TensorInfo
from probes.troubles import Troubles

COMPILED = (
    "the model is compiled: gradients that flow back inside its graph (activation_gradients) are "
    "not recorded, the rest is."
)
SILENT = 3  # records without a forward pass, after which that is said
UNSEEN = (
    "no training forward pass of the model was seen, so its layers' outputs are not recorded: is "
    "it called inside a compiled function? Compile the model itself instead: torch.compile(model)."
)
LATE = (
    "the layers' outputs are not seen, because the model had been compiled and called before the "
    "Recorder was attached, or was compiled in place after it. Attach it to the compiled model "
    "before its first call; gradients, weights and updates are recorded."
)


@dataclass(frozen=True)
class Training:
    """What is trained, and which of it is looked at."""

    model: nn.Module
    optimizers: Sequence[Optimizer]
    selection: str | None  # a glob over layers
    compiled: bool
    first: bool  # of several processes the first; the others' parameters are copies of its own

    def modules(self) -> dict[nn.Module, str]:
        return {module: name for name, module in self.model.named_modules()}

    def shares(self) -> list[dict[str, nn.Parameter]]:
        """Each optimizer's parameters; in further processes those alone that are split up."""
        held = shares(self.model, self.selection, self.optimizers)
        if self.first:
            return held
        return [{name: p for name, p in part.items() if hasattr(p, "to_local")} for part in held]


class Watch:
    """Shows the probes one step after another: parameters, forward and backward passes."""

    def __init__(
        self,
        training: Training,
        probes: Sequence[Probe],
        scales: LossScales,
        troubles: Troubles,
    ) -> None:
        self._training, self._probes = training, probes
        self._attached = [probe for probe in probes if isinstance(probe, AttachedProbe)]
        self._scales, self._troubles = scales, troubles
        self.layers = Layers(training.model, training.selection)
        seen = {} if training.compiled else training.modules()
        self._order = ForwardOrder(seen)
        self._arenas = Arenas(len(probes))
        self._forward = Forward(self.layers, probes, self._arenas, troubles)
        self._between = BetweenSteps(self.layers, probes, troubles)
        self._forward.when_compiled = self._between.leave
        if training.compiled:
            self._forward.compile()
        self._is_armed = False
        self._held: list[int] = []
        self._silent = 0
        self._has_gradients = False
        self._observers: list[Observer] = []

    def take_spent(self) -> float:
        """Seconds in hooks of the forward and backward passes since last asked."""
        return self._forward.take_spent() + self._between.take_spent()

    def begin(self, ended: int, outbox: Outbox, *, recorded: bool) -> None:
        """A step has ended, and another one begins. Is that recorded?"""
        self._between.settle(partial(self._moment, outbox))
        self._between.begin(ended, recorded=recorded)
        if recorded:
            self.arm()
        elif self._is_armed:
            self.disarm()

    def arm(self) -> None:
        """The step that begins is recorded."""
        self._is_armed = True
        self._forward.arm()

    def disarm(self) -> None:
        self._is_armed = False
        self._forward.disarm()
        self._detach()

    def _detach(self) -> None:
        """Nothing is left at the parameters while no step is recorded."""
        for probe in self._attached:
            probe.detach()

    def logged(self, names: Iterable[str], step: int) -> None:
        """The user has logged values under these names."""
        self._between.logged(names, step)

    def before(self, n: int, optimizer: Optimizer | None) -> None:
        """The n-th optimizer has its gradients and is about to move."""
        self._find_parameters()
        if not self._has_gradients:
            grads = (parameter.grad for parameter in self._training.model.parameters())
            self._has_gradients = any(gradient is not None for gradient in grads)
        self._unscale(self._scales.scale_of(optimizer))
        self._observers[n].before(optimizer)

    def after(self, n: int) -> None:
        """The n-th optimizer has moved."""
        self._order.close()
        if self._observers:
            self._observers[n].after()

    def _unscale(self, scale: Tensor | None) -> None:
        """What flowed back was in units of the scaled loss."""
        backward = [n for n, probe in enumerate(self._probes) if getattr(probe, "backward", False)]
        for shelf in self._arenas.shelves(backward):
            shelf.scale(scale)

    def _find_parameters(self) -> None:
        """Who holds which parameter; found again when an optimizer has been given others."""
        held = [
            id(p) for o in self._training.optimizers for g in o.param_groups for p in g["params"]
        ]
        if not self._observers or held != self._held:
            self._held = held
            self._observers = [
                Observer(self._probes, part, self._arenas, self._troubles)
                for part in self._training.shares()
            ]

    def finish(self, step: int, outbox: Outbox) -> None:
        """All optimizers have moved: the step's rows go out."""
        self._arenas.reduce(outbox.pending, partial(outbox.records, step, time.time()))
        self._tell()
        self._arenas.begin()
        with self.standing_still():  # probes may call the model
            self._ask("step", self._moment(outbox, step))

    def _moment(self, outbox: Outbox, step: int) -> RecordedStep:
        return RecordedStep(step, time.time(), self._training, outbox)

    def tell_when_compiled(self, tell: Callable[[], None]) -> None:
        """Whoever has hooks on module calls has to take them away before a compiler sees them."""

        def leave() -> None:
            self._between.leave()
            tell()

        self._forward.when_compiled = leave

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Within it nothing that the model does is looked at."""
        before = self._forward.still
        self._forward.still = self._between.still = True
        try:
            yield
        finally:
            self._forward.still = self._between.still = before

    def _tell(self) -> None:
        """What could not be looked at is said, once."""
        for name in self._arenas.unfit():
            self._troubles.say(name, f"{name} is sparse or of a kind that is not recorded")
        for probe in self._probes:
            for name, why in getattr(probe, "unfit", {}).items():
                self._troubles.say(f"{probe.series} of {name}", f"{probe.series} of {name}: {why}")
        unseen = self._forward.wanted and not self.layers.given and self._has_gradients
        if self._forward.is_compiled or (unseen and is_compiled(self._training.model)):
            self._troubles.say("compiled", LATE if unseen else COMPILED)
            self._forward.leave_compiled()
            return
        self._silent += unseen
        if self._silent == SILENT:
            self._troubles.say("unseen", UNSEEN)

    def close(self, step: int, outbox: Outbox) -> None:
        """Probes that have kept something back give it now."""
        self._between.settle(partial(self._moment, outbox))
        self._ask("close", self._moment(outbox, step))

    def leave(self) -> None:
        """Detach everything."""
        self._detach()
        self._forward.leave()
        self._between.leave()
        self._order.close()

    def _ask(self, moment_name: str, moment: RecordedStep) -> None:
        for probe in self._probes:
            doing = f"the probe of {probe.series}"
            method = getattr(probe, moment_name, None)
            if method is None or self._troubles.hopeless(doing):
                continue
            try:
                method(moment)
            except Exception as error:
                self._troubles.failed(doing, error)

    def describe(self, name: str) -> TensorInfo:
        return describe(name, self._training.model, self.layers, self._order)


@dataclass(frozen=True)
class RecordedStep:
    """The end of a step, as a probe sees it."""

    step: int
    time: float
    training: Training
    vault: Outbox  # where snapshots go

    @property
    def model(self) -> nn.Module:
        return self.training.model

    @property
    def optimizers(self) -> Sequence[Optimizer]:
        return self.training.optimizers

    def scalar(self, name: str, value: float | Tensor) -> None:
        self.vault.scalar(name, value, self.step, self.time)

    def array(self, name: str, values: Tensor | NDArray[Any], about: str) -> None:
        self.vault.array(name, values, about, self.step, self.time)

    def event(self, kind: str, text: str) -> None:
        self.vault.event(self.step, kind, text)
