"""Drives the tools that slice losses: each its own way over a plane, and what a point costs it.

What a tool does once for a surface, such as drawing its directions, is not counted.
"""

from __future__ import annotations

import importlib.util
import io
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional
from trained import now, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn
    from trained import Seconds

    Data = tuple[Tensor, Tensor]
    Drive = Callable[[], Seconds]  # seconds of a point


@dataclass(frozen=True)
class Plane:
    """What is asked of a tool: the cost of a point of a surface, from a few of its points."""

    model: nn.Module
    data: Data
    resolution: int  # of the surface
    points: int  # to evaluate


class Metered:
    """A loss that is asked at every point, and tells what a point took.

    Of the points only every so many is evaluated; the way there is taken to all.
    """

    def __init__(self, evaluate: Callable[..., float], every: int = 1) -> None:
        self.evaluate, self.every = evaluate, every
        self.calls, self.value = 0, 0.0

    def __call__(self, *arguments: Any) -> float:
        begun = now()
        if not self.calls:
            self.first, self.inside = begun, begun * 0
        if self.calls % self.every == 0:
            self.value = self.evaluate(*arguments)
        self.calls += 1
        self.last = now()
        self.inside += self.last - begun
        return self.value

    @property
    def point(self) -> Seconds:
        """The way, between the calls, and an evaluation."""
        ways, evaluations = self.calls - 1, -(-self.calls // self.every)
        return (self.last - self.first - self.inside) / ways + self.inside / evaluations


def loss_landscapes(plane: Plane) -> Drive:
    """Its random plane, on its own copy of the model."""
    from loss_landscapes import random_plane
    from loss_landscapes.metrics import Loss

    def drive() -> Seconds:
        metric = Metered(Loss(functional.cross_entropy, *plane.data))
        side = round(plane.points**0.5)
        with torch.no_grad():
            random_plane(plane.model, metric, 1, side, normalization="filter", deepcopy_model=True)
        return metric.point

    return drive


def landscaper(plane: Plane) -> Drive:
    """It walks to each point from the centre, node by node: the more of them, the longer.

    A line of twice the nodes has as many steps to a point, in the mean, as the whole plane.
    """
    from landscaper.compute import compute_loss_landscape

    directions = [[torch.randn_like(p) for p in plane.model.parameters()]]
    nodes = 2 * plane.resolution - 1

    def loss(model: nn.Module, data: Data) -> float:
        return functional.cross_entropy(model(data[0]), data[1]).item()

    def drive() -> Seconds:
        metered = Metered(loss, max(1, nodes // plane.points))
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            compute_loss_landscape(
                plane.model, plane.data, directions, metered, nodes, 1.0, dim=1, device="cpu"
            )
        return metered.point

    return drive


def loss_landscape_anim(plane: Plane) -> Drive:
    """Its grid around the end of a path of two points, along random directions."""
    import pytorch_lightning  # noqa: F401, looks for torchvision itself: so before its stand-in

    with _stand_in_for_torchvision():
        from loss_landscape_anim import GenericModel
        from loss_landscape_anim.loss_landscape import DimReduction, LossGrid

    class Wrapped(GenericModel):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__("sgd", 0.1)
            self.inner, self.loss_fn = deepcopy(plane.model), functional.cross_entropy

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    model, side = Wrapped().eval(), 2 * max(1, round(plane.points**0.5 / 2))
    end = model.get_flat_params()
    with redirect_stdout(io.StringIO()):
        path = DimReduction([0.5 * end, end], "random", None, seed=1).reduce()
    plan = ([0.5 * end, end], model, plane.data, path["path_2d"], path["reduced_dirs"], side // 2)

    def drive() -> Seconds:
        with redirect_stdout(io.StringIO()):
            whole = timed(lambda: LossGrid(*plan, tqdm_disable=True, save_grid=False))
        return whole / side**2

    return drive


@contextmanager
def _stand_in_for_torchvision() -> Iterator[None]:
    """Imported there for data of its own alone; what PyPI has wants torch built for CUDA."""
    names = ("torchvision", "torchvision.transforms", "torchvision.datasets")
    if importlib.util.find_spec(names[0]):
        yield
        return
    package, transforms, datasets = made = [ModuleType(name) for name in names]
    vars(package)["transforms"], vars(datasets)["MNIST"] = transforms, object
    sys.modules.update(zip(names, made, strict=True))
    yield
    for name in names:
        del sys.modules[name]


PEERS: dict[str, tuple[Callable[[Plane], Drive], str]] = {  # how it is driven, and installed
    "loss-landscapes": (loss_landscapes, "loss-landscapes==3.0.6"),
    "landscaper": (landscaper, "--no-deps landscaper==1.3.1 topopy nglpy gudhi drawsvg coloraide"),
    "loss-landscape-anim": (
        loss_landscape_anim,
        "--no-deps loss-landscape-anim==0.1.10 pytorch-lightning lightning-utilities torchmetrics",
    ),
}


def drives(plane: Plane) -> tuple[dict[str, Drive], dict[str, str]]:
    """Those that run, and why the others do not, in their own words."""
    found, failed = {}, {}
    for name, (driver, install) in PEERS.items():
        try:
            drive = driver(plane)
            drive()
        except ModuleNotFoundError as error:
            failed[name] = f"{error} (pip install {install})"
        except Exception as error:
            failed[name] = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        else:
            found[name] = drive
    return found, failed
