"""The ways to draw with dropout on: Fathom's, by hand, and by torch-uncertainty."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional
from uncertainty_models import cut, ready

from diagnostics.run import Run
from diagnostics.subject import Subject

Way = Callable[[int], Any]  # [draw, example, class] of so many draws
ROOM = 4 << 30  # bytes that a way may take
AT_ONCE = (1, 2, 5, 10, 20, 50, 100)  # draws in a pass, of which the limit takes the best
ROWS = 8192  # of a pass, above which it is not tried with more
INSTALL = "pip install --no-deps torch-uncertainty==0.13.0 einops"


@dataclass(frozen=True)
class Cell:
    """A model and a batch. It is made anew in every process that measures."""

    name: str
    batch: int
    folder: Path  # of its run
    at_once: int = 1  # draws in a pass of the limit

    @cached_property
    def made(self) -> tuple[nn.Sequential, Tensor]:
        return ready(self.name, self.batch)

    @property
    def x(self) -> Tensor:
        return self.made[1]

    def model(self, *, drops: bool = True) -> nn.Sequential:
        model = self.made[0].eval()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.train(drops)
        return model

    @cached_property
    def targets(self) -> Tensor:
        return torch.zeros(self.batch, dtype=torch.int64)

    @cached_property
    def bytes(self) -> int:
        """Of the tensors of a draw that are there at a time: three of the largest."""
        sizes: list[int] = []
        hooks = [
            module.register_forward_hook(lambda _m, _i, out: sizes.append(out[0].numel()))
            for module in self.made[0].modules()
        ]
        with torch.no_grad():
            self.made[0](self.x[:1])
        for hook in hooks:
            hook.remove()
        return 3 * 4 * max(sizes) * self.batch

    @property
    def fitting(self) -> int:
        """Draws at a time that memory has room for."""
        return max(1, ROOM // self.bytes)


def limit(cell: Cell) -> Way:
    """By hand: what comes before dropout once, the rest for some draws at a time."""
    before, after = cut(cell.model())

    def draw(count: int) -> Tensor:
        start, at_once = before(cell.x), min(count, cell.at_once)
        repeated = start.repeat(at_once, *[1] * (start.dim() - 1))
        found = [
            after(repeated[: min(at_once, count - n) * cell.batch])
            for n in range(0, count, at_once)
        ]
        return torch.cat(found).unflatten(0, (count, cell.batch))

    return draw


def recorded(cell: Cell) -> Way:
    """Of a run folder."""
    return _ours(Run(cell.folder).subject().on((cell.x, cell.targets), "benchmark"))


def live(cell: Cell) -> Way:
    """Of a model in memory, which is captured."""
    return _ours(_subject(cell, cell.model(drops=False)))


class Undecided(nn.Module):
    """It cannot be captured: it looks at its numbers."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x if x.isfinite().all() else x.nan_to_num())


def live_loop(cell: Cell) -> Way:
    """Of a model in memory that cannot be captured."""
    return _ours(_subject(cell, Undecided(cell.model(drops=False))))


def _subject(cell: Cell, model: nn.Module) -> Subject:
    return Subject(model, functional.cross_entropy, (cell.x, cell.targets))


def _ours(subject: Subject) -> Way:
    return lambda count: subject.draws(count).values


def loop(cell: Cell) -> Way:
    model = cell.model()
    return lambda count: torch.stack([model(cell.x) for _ in range(count)])


def repeated(cell: Cell) -> Way:
    """The batch over and over, as often as memory has room for."""
    model = cell.model()

    def draw(count: int) -> Tensor:
        found = []
        for start in range(0, count, cell.fitting):
            times = min(cell.fitting, count - start)
            found.append(model(cell.x.repeat(times, *[1] * (cell.x.dim() - 1))))
        return torch.cat(found).unflatten(0, (count, cell.batch))

    return draw


def vmapped(cell: Cell) -> Way:
    """Over the draws, as many at a time as memory has room for."""
    model = cell.model()
    weights = dict(model.named_parameters()) | dict(model.named_buffers())

    def one(_: Tensor) -> Tensor:
        return functional_call(model, weights, (cell.x,))

    def draw(count: int) -> Tensor:
        size = min(count, cell.fitting)
        return vmap(one, randomness="different", chunk_size=size)(torch.empty(count))

    return draw


def torch_uncertainty(cell: Cell, *, on_batch: bool) -> Way:
    """Its wrapper, the file alone: the whole package asks for torchvision and lightning."""
    try:
        there = importlib.metadata.distribution("torch-uncertainty")
    except importlib.metadata.PackageNotFoundError as error:
        raise ModuleNotFoundError(f"no torch-uncertainty ({INSTALL})") from error
    path = Path(str(there.locate_file("torch_uncertainty/methods/mc_dropout.py")))
    spec = importlib.util.spec_from_file_location("tu_mc_dropout", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = cell.model(drops=False)

    def draw(count: int) -> Tensor:
        wrapped = module.mc_dropout(model, count, on_batch=on_batch).eval()
        found: Tensor = wrapped(cell.x)
        return found.unflatten(0, (count, cell.batch))

    return draw


@dataclass(frozen=True)
class Method:
    """How a way is made, and how its time grows with draws."""

    make: Callable[[Cell], Way]
    shares: bool  # something is done once for all draws, so that twice as many take less than twice
    whole: bool = False  # all draws are in memory at a time
    dear: bool = False  # it takes some passes more, and is tried where they are cheap


METHODS = {
    "limit": Method(limit, shares=True),
    "fathom": Method(recorded, shares=True),
    "fathom, live model": Method(live, shares=True),
    "fathom, live loop": Method(live_loop, shares=True, dear=True),
    "naive loop": Method(loop, shares=False),
    "batch repeated": Method(repeated, shares=False),
    "vmap": Method(vmapped, shares=True),
    "torch-uncertainty": Method(
        lambda cell: torch_uncertainty(cell, on_batch=True), shares=False, whole=True
    ),
    "torch-uncertainty loop": Method(
        lambda cell: torch_uncertainty(cell, on_batch=False), shares=False
    ),
}
OURS = ("limit", "fathom", "fathom, live model", "fathom, live loop")
