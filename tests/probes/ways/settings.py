"""Settings and processes around the training."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Dataset

from tests.probes.ways import batches, descend, fit, mlp, sgd, way


class Points(Dataset):
    def __len__(self) -> int:
        return 24

    def __getitem__(self, n: int) -> tuple[Tensor, Tensor]:
        x = torch.arange(4.0).add(n).sin()
        return x, x[:2].square()


for method in ("fork", "forkserver", "spawn"):

    @way(
        f"DataLoader workers by {method}",
        "they come and go, and the recording is the parent's",
        ignore=("This process .* is multi-threaded",),
    )
    def workers(eye: Any, method: str = method) -> None:
        model = mlp()
        optimizer = sgd(model)
        options = {} if eye.plain else {"num_workers": 1, "multiprocessing_context": method}
        with eye.on(model, optimizer):
            for x, y in DataLoader(Points(), 8, **options):
                descend(eye, optimizer, mse_loss(model(x), y))


@contextmanager
def default_device(device: str) -> Any:
    torch.set_default_device(device)
    yield
    torch.set_default_device(None)  # the mode that it works by goes too


@way("torch.set_default_device", "to a device that is not the model's")
def other_device(eye: Any) -> None:
    model = mlp()
    with default_device("meta"):
        fit(eye, model, sgd(model))


@way("torch.set_default_dtype", "to double, after the model was made")
def other_dtype(eye: Any) -> None:
    model = mlp()
    torch.set_default_dtype(torch.float64)
    try:
        fit(eye, model, sgd(model))
    finally:
        torch.set_default_dtype(torch.float32)


@way("deterministic algorithms", "torch.use_deterministic_algorithms(True)")
def deterministic(eye: Any) -> None:
    model = mlp()
    torch.use_deterministic_algorithms(True)
    try:
        fit(eye, model, sgd(model))
    finally:
        torch.use_deterministic_algorithms(False)


@way("anomaly detection", "torch.autograd.detect_anomaly", ignore=("Anomaly Detection",))
def anomaly(eye: Any) -> None:
    model = mlp()
    with torch.autograd.detect_anomaly():
        fit(eye, model, sgd(model))


@way("a profiler", "torch.profiler around the loop", ignore=(".*",))
def profiled(eye: Any) -> None:
    model = mlp()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]):
        fit(eye, model, sgd(model))


@way("saved tensors on the CPU", "torch.autograd.graph.save_on_cpu")
def saved_elsewhere(eye: Any) -> None:
    model = mlp()
    with torch.autograd.graph.save_on_cpu():
        fit(eye, model, sgd(model))


@way("the whole loop under no gradients but its own", "torch.set_grad_enabled(False) outside")
def locally_enabled(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with torch.no_grad(), eye.on(model, optimizer):
        for x, y in batches():
            with torch.enable_grad():
                loss = mse_loss(model(x), y)
            descend(eye, optimizer, loss)


@way("training in a thread", "the loop runs beside the main thread")
def in_a_thread(eye: Any) -> None:
    model = mlp()
    failed: list[BaseException] = []

    def loop() -> None:
        try:
            fit(eye, model, sgd(model))
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    thread.join()
    assert failed == []


class Traveller(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)

    def __getattr__(self, name: str) -> Any:
        if name == "extra":
            raise RuntimeError("an attribute that fails")
        return super().__getattr__(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Traveller)

    __hash__ = nn.Module.__hash__

    def __len__(self) -> int:
        return 0


@way("modules with odd manners", "that are falsy, equal to others, or raise on attributes")
def odd_manners(eye: Any) -> None:
    model = nn.Sequential(Traveller(), nn.ReLU(), Traveller())
    model[2].inner = nn.Linear(2, 2)
    fit(eye, model, sgd(model))
