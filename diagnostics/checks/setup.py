"""What a preflight is of: the user's model, loss, batch, optimizers; and copies to try on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from diagnostics.checks.copying import copied
from diagnostics.checks.kept import model_kept, seeded
from probes.folder import FathomError
from probes.program.objective import Loss, Objective, Whole


@dataclass
class Scene:
    """A model that a check may do with as it likes, its loss and its optimizers."""

    model: nn.Module
    loss: Loss
    optimizers: tuple[Optimizer, ...]
    batch: Any
    own: bool  # a copy; else it is the user's own, which will be put back

    def run(self, batch: Any = None, *, seed: int = 0) -> tuple[Tensor, Tensor | None]:
        """Loss and prediction; the batch's tensors are copies, and the same numbers are drawn."""
        seeded(seed)
        objective = Objective(self.model, self.loss, self.batch if batch is None else batch)
        found = objective.forward(*(tensor.clone() for tensor in objective.inputs.values()))
        return found[0], (found[1] if len(found) > 1 else None)

    def train(self, mode: bool = True) -> Scene:
        self.model.train(mode)
        return self

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """Parameters that ask for a gradient, by name."""
        return {n: p for n, p in self.model.named_parameters() if p.requires_grad}


@dataclass
class Setup:
    """The user's own objects: looked at, copied, never changed."""

    model: nn.Module
    loss: Loss
    batch: Any
    optimizers: tuple[Optimizer, ...] = ()
    batches: tuple[Any, ...] = ()
    seconds: float = 30.0
    begun: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds that may still be spent."""
        return max(0.0, self.begun + self.seconds - time.monotonic())

    @contextmanager
    def scene(self) -> Iterator[Scene]:
        """A copy; of a model that cannot be copied itself, put back afterwards."""
        try:
            parts = copied(self.model, self.loss, self.optimizers)
        except Exception:  # what a user's module may raise is not ours to know
            parts = None
        if parts is not None:
            model, loss, optimizers = parts
            yield Scene(model, loss, optimizers, self.batch, own=True)
            return
        with model_kept(self.model):
            yield Scene(self.model, self.loss, self.optimizers, self.batch, own=False)

    @property
    def pair(self) -> tuple[Any, Any]:
        """Inputs and target, where the batch is such a pair; else all of it, and nothing."""
        return pair_of(self.loss, self.batch)

    def floats(self, batch: Any = None) -> dict[str, Tensor]:
        """The batch's tensors of floating point that go into the model, by name."""
        batch = self.batch if batch is None else batch
        inputs, _ = pair_of(self.loss, batch)
        named = tensors_in(inputs)
        return {name: tensor for name, tensor in named.items() if tensor.is_floating_point()}


def pair_of(loss: Loss, batch: Any) -> tuple[Any, Any]:
    """As the loss takes it apart."""
    if loss is None:
        return batch, None
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[0], batch[1]
    if isinstance(loss, Whole):
        return batch, None
    raise FathomError(
        f"batch is a {type(batch).__name__}, and loss(output, target) needs the pair "
        "(inputs, target); for all else pass loss=Whole(lambda model, batch: …)."
    )


def tensors_in(value: Any, name: str = "inputs") -> dict[str, Tensor]:
    """Every tensor of a nest, by its place."""
    if isinstance(value, Tensor):
        return {name: value}
    pairs: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        pairs = [*value.items()]
    elif isinstance(value, (list, tuple)):
        pairs = [*enumerate(value)]
    return {k: t for key, each in pairs for k, t in tensors_in(each, f"{name}.{key}").items()}


def rows_of(batch: Any) -> int:
    """How many examples: the size of the first axis that most tensors have."""
    sizes = [tensor.shape[0] for tensor in tensors_in(batch).values() if tensor.ndim]
    return max(sizes, key=sizes.count) if sizes else 0


def changed(value: Any, change: Any) -> Any:
    """The same nest with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: changed(each, change) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [changed(each, change) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def optimizers_of(optimizer: Any) -> tuple[Optimizer, ...]:
    """One, several or none."""
    if optimizer is None:
        return ()
    found = tuple(optimizer) if isinstance(optimizer, (list, tuple)) else (optimizer,)
    wrong = [type(each).__name__ for each in found if not isinstance(each, Optimizer)]
    if wrong:
        raise FathomError(f"optimizer is a {wrong[0]}; pass a torch.optim.Optimizer, or several.")
    return found


def device_of(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))
