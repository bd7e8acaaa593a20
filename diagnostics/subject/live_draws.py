"""Draws of a model that no program can be made of: its copy run live, its dropouts forced and seen.

Modules that drop are told that they train, and no others: a normalisation stays as it is. What the
model calls with dropout is taken over, and what it draws otherwise is noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from diagnostics.subject.forcing import Forcing
from diagnostics.subject.losses import Batch, LiveLoss, Tensors
from probes.folder import FathomError
from probes.program.chance import Chance, seeds
from probes.program.drawing import Drawn, Wish
from probes.program.export import undisturbed
from probes.program.randomness import NAN, Fired
from probes.program.stacking import near

FAST_PATHS = (nn.TransformerEncoder, nn.TransformerEncoderLayer)  # they skip dropout in evaluation
PREDICTIONS = "predictions"


class LiveDrawing:
    """A model's copy made ready for draws; it is left as it was."""

    def __init__(self, source: LiveLoss, only: Sequence[str] | None, p: float | None) -> None:
        self._source, self._only, self._p = source, only, p
        self._model = source._model
        self.always_on: tuple[str, ...] = ()
        self.restless = 0.0  # two passes with dropout off differ by so much
        self.changed: tuple[str, ...] = ()  # tensors that a pass wrote to

    def __call__(self, weights: Tensors, batch: Batch, wish: Wish) -> Drawn:
        assert batch.objective is not None
        own = {name: tensor.clone() for name, tensor in weights.items()}
        chance = Chance(batch.size, wish.shared)
        with undisturbed(batch.objective), torch.no_grad():
            self._look_twice(own, batch)
            plain = self._predicted(own, batch, Forcing("silenced", chance, None, None))
            wish.check_fits(plain)
            with self._dropping():
                forcing = Forcing("forced", chance, self._only, self._p)
                if wish.shared:
                    self._check_shared(own, batch)
                values = [
                    self._draw(own, batch, forcing, seed) for seed in seeds(wish.seed, wish.count)
                ]
        self._check_known(forcing)
        written = [name for name, t in own.items() if not _equal(t, weights[name])]
        self.changed = tuple(dict.fromkeys((*self.changed, *written)))
        return Drawn(torch.stack(values), plain, self._audit(forcing), "live loop", NAN)

    def _look_twice(self, weights: Tensors, batch: Batch) -> None:
        watch = Forcing("watched", Chance(batch.size), None, None)
        one, two = (self._predicted(weights, batch, watch) for _ in range(2))
        apart = float((one - two).abs().max()) if one.shape == two.shape else NAN
        self.restless = max(apart, self.restless)
        self.always_on = tuple(watch.seen.ops)

    def _check_known(self, forcing: Forcing) -> None:
        there = dict.fromkeys((*forcing.seen.ops, *(path for path, _ in self._droppers(None))))
        if unknown := [name for name in self._only or () if name not in there]:
            raise FathomError(
                f"no random operation '{unknown[0]}' (there are: {', '.join(there) or 'none'})."
            )

    def _draw(self, weights: Tensors, batch: Batch, forcing: Forcing, seed: int) -> Tensor:
        torch.manual_seed(seed)  # of what takes no generator; all is put back afterwards
        forcing.chance.seed([seed], next(iter(batch.inputs.values())).device)
        return self._predicted(weights, batch, forcing)

    def _predicted(self, weights: Tensors, batch: Batch, forcing: Forcing) -> Tensor:
        forcing.begin()
        forcing.rates = {path: _rate(module) for path, module in self._droppers(None)}
        with _paths(self._model, forcing.path), forcing:
            found = self._source(weights, batch, (PREDICTIONS,))
        if PREDICTIONS not in found:
            raise FathomError(
                "this loss gives no predictions, of which draws are made; give a loss of (output, "
                "target), or let loss=Whole(…) return (loss, predictions)."
            )
        return found[PREDICTIONS]

    def _check_shared(self, weights: Tensors, batch: Batch) -> None:
        """One draw of examples that are all alike gives each the same."""
        forcing = Forcing("forced", Chance(batch.size, shared=True), self._only, self._p)
        same = {
            name: t[:1].expand_as(t).clone() if t.dim() and len(t) == batch.size else t
            for name, t in batch.inputs.items()
        }
        found = self._draw(weights, replace(batch, inputs=same), forcing, 0)
        if not near(found, found[:1].expand_as(found)):
            raise FathomError(
                "no mask can be shared by the examples of a batch here: a draw gives the same "
                "example different predictions from row to row; ask for masks='independent'."
            )

    @contextmanager
    def _dropping(self) -> Iterator[None]:
        """Modules that drop train; `undisturbed` puts all back as well, but later."""
        wanted = [module for _, module in self._droppers(self._only)]
        wanted += [m for m in self._model.modules() if isinstance(m, FAST_PATHS)]
        try:
            for module in wanted:
                module.training = True
            yield
        finally:
            for module in wanted:
                module.training = False

    def _droppers(self, only: Sequence[str] | None) -> Iterator[tuple[str, nn.Module]]:
        called = None if only is None else {name.partition("#")[0] for name in only}
        for path, module in self._model.named_modules():
            if _rate(module) and (called is None or path in called):
                yield path, module

    def _audit(self, forcing: Forcing) -> tuple[Fired, ...]:
        """What was met, and modules that drop and were not."""
        seen = forcing.seen
        met = [Fired(n, op, p, seen.times[n]) for n, (op, p) in seen.ops.items()]
        paths = [fired.name.partition("#")[0] for fired in met]
        missed = [
            Fired(path or type(module).__name__, type(module).__name__, _rate(module), 0)
            for path, module in self._droppers(None)
            if not any(p == path or p.startswith(f"{path}.") or not path for p in paths)
        ]
        return (*met, *missed)


def _rate(module: nn.Module) -> float:
    """What a module drops, by its attributes; 0: it is no such module."""
    if isinstance(module, _NormBase):
        return 0.0
    if isinstance(module, _DropoutNd):
        return float(module.p)
    rates = [v for k, v in vars(module).items() if "drop" in k and isinstance(v, float)]
    return max(rates, default=0.0)


@contextmanager
def _paths(model: nn.Module, path: list[str]) -> Iterator[None]:
    """Keeps the path of the module that runs at the end of the list."""

    def enters(name: str) -> Any:
        return lambda *_: path.append(name)

    def leaves(*_: Any) -> None:
        path.pop()

    with ExitStack() as stack:
        for name, module in model.named_modules():
            stack.callback(module.register_forward_pre_hook(enters(name)).remove)
            stack.callback(module.register_forward_hook(leaves).remove)
        yield


def _equal(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, 0, 0, equal_nan=True)
