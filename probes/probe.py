"""What a probe is, and what it may see: a probe implements those of these protocols it needs.

Whatever a probe does, it may not change a tensor it is shown, keep a module's output beyond the
call, draw a random number, or wait for a device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from probes.shelf import Shelf


class Probe(Protocol):
    """One kind of look."""

    series: str  # its name in the recording
    state: str  # the state its numbers are taken in, in words


@dataclass
class Look:
    """One look at the parameters that an optimizer is about to change, or has just changed."""

    names: Sequence[str]
    parameters: Sequence[Tensor]
    optimizer: Optimizer | None
    shelf: Shelf  # where this probe's samples go
    gradient_scale: Tensor | None  # what a fused optimizer will still divide the gradients by
    record: int  # counts the looks
    spoiled: bool = False

    def spoil(self) -> None:
        """The probe failed: no row of it is true."""
        self.spoiled = True
        self.shelf.clear()


@runtime_checkable
class ParameterProbe(Probe, Protocol):
    """Looks at parameters around an optimizer's step."""

    def before(self, look: Look) -> None:
        """Gradients are accumulated and unscaled; the weights have not moved."""

    def after(self, look: Look) -> None:
        """The weights have moved."""


@dataclass(slots=True)  # frozen ones take three times as long to make, and these are many
class Call:
    """One module has run, in a forward pass of a step that is recorded."""

    name: str  # as the model calls the module; "" is the model itself
    module: nn.Module
    inputs: tuple[Any, ...]
    output: Any
    outputs: Sequence[tuple[str, Tensor]]  # its tensors: "encoder.0", or "lstm[0]", "lstm[1][0]"
    recomputed: bool  # run once more, inside the backward pass: activation checkpointing
    shelf: Shelf  # `take(name, tensor)` copies a sample in
    follow: Callable[[Tensor, Callable[[Tensor], None]], None]  # what to do with its gradient


@runtime_checkable
class OutputProbe(Probe, Protocol):
    """Looks at what every module that computes something by itself gives."""

    def called(self, call: Call) -> None: ...


@dataclass(frozen=True)
class Pass:
    """A whole forward pass of the model, or the call of a loss function after it."""

    module: nn.Module  # the outermost one of the model's that was called, or one of the loss's kind
    is_loss: bool
    inputs: tuple[Any, ...]
    keywords: Mapping[str, Any]
    output: Any


@runtime_checkable
class PassProbe(Probe, Protocol):
    """Looks at what goes into the model and comes out, and at what goes into the loss."""

    def passed(self, whole: Pass) -> None: ...


@dataclass(frozen=True)
class FunctionCall:
    """A function that a probe has asked for has run inside a module's forward."""

    name: str  # of the innermost module it ran in
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    keywords: Mapping[str, Any]
    output: Any
    shelf: Shelf


@runtime_checkable
class FunctionProbe(Probe, Protocol):
    """Looks at calls of some torch functions inside forward passes."""

    functions: frozenset[Callable[..., Any]]

    def ran(self, call: FunctionCall) -> None: ...


class Moment(Protocol):
    """The end of a step that is recorded: the weights have moved."""

    step: int
    time: float
    model: nn.Module
    optimizers: Sequence[Optimizer]
    vault: Any  # where snapshots go

    def scalar(self, name: str, value: float | Tensor) -> None:
        """A number beside those that are logged; a tensor is not waited for."""

    def array(self, name: str, values: Tensor | NDArray[Any], about: str) -> None:
        """An array of any shape under a name; `about` says what its axes are."""

    def event(self, kind: str, text: str) -> None:
        """Something that happened, in words."""


@runtime_checkable
class StepProbe(Probe, Protocol):
    """Is asked once at the end of every step that is recorded."""

    def step(self, moment: Moment) -> None: ...


@runtime_checkable
class AttachedProbe(Probe, Protocol):
    """Has hooks of its own, from one recorded step to the next."""

    def detach(self) -> None:
        """The next step is not recorded, or there is none: they go."""
