"""Hand-made results and small real recordings for the tests of this room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from diagnostics.finding import Evidence, Finding
from diagnostics.gradient_flow import GradientFlow

HOSTILE = '<img src=x onerror="document.title=1"><b style="background:url(http://e.test)">%{x}</b>'


def make_flow(
    steps: Any = range(0, 100, 10), depth: int = 6, rate: float = 0.5, **changes: Any
) -> GradientFlow:
    """A gradient that shrinks by `rate` a layer towards the input, the same at every step."""
    steps = np.asarray(steps, dtype=np.int64)
    rms = np.tile(1e-2 * rate ** np.arange(depth)[::-1], (len(steps), 1))
    rates = np.full(len(steps), rate)
    made: dict[str, Any] = {
        "run": "sample",
        "parameters": "weight",
        "state": "accumulated, unscaled",
        "layers": tuple(f"block.{place}.linear" for place in range(depth)),
        "module_types": ("Linear",) * depth,
        "in_profile": np.ones(depth, dtype=bool),
        "steps": steps,
        "rms": rms,
        "norm": rms * 10,
        "decay": rates,
        "decay_low": rates * 0.8,
        "decay_high": rates * 1.2,
        "first_to_last": rates ** (depth - 1),
        "confidence": 0.95,
        "frozen": (),
        "unused": (),
        "cancelled": (),
    }
    return GradientFlow(**(made | changes))


def make_finding(**changes: Any) -> Finding:
    """A finding with something in every field."""
    made: dict[str, Any] = {
        "disease": "vanishing_gradient",
        "severity": "error",
        "symptom": "The first layer's gradient is 3.4e-06 of the last's.",
        "cause": "Each sigmoid passes on at most a quarter.",
        "remedy": "Start larger:\n    for layer in layers:\n        kaiming_normal_(layer.weight)",
        "evidence": (Evidence("decay a layer", 0.21, 0.7, "below"),),
        "layers": ("0", "2"),
        "steps": (0, 4000),
        "confidence": 0.97,
        "panel": "gradient_flow",
    }
    return Finding(**(made | changes))


def train(folder: Path, activation: str = "Sigmoid", steps: int = 30, name: str = "linear") -> Path:
    """Record a small network of eight layers; a name becomes part of each layer's name."""
    import torch

    from probes import Recorder

    model, optimizer = network(activation, name)
    inputs, targets = torch.randn(64, 16), torch.randint(0, 4, (64,))
    with Recorder(model, optimizer, folder) as recorder:
        for _ in range(steps):
            step(model, optimizer, recorder, inputs, targets)
    return folder


def network(activation: str, name: str = "linear") -> Any:
    """A model and its optimizer."""
    import torch

    torch.manual_seed(0)
    model = torch.nn.Sequential()
    for place in range(8):
        last = place == 7
        linear = torch.nn.Linear(16, 4 if last else 16)
        if activation == "ReLU":  # torch's own start is too small for a stack of ReLUs
            torch.nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
        model.add_module(f"{name}{place}", linear)
        if not last:
            model.add_module(f"activation{place}", getattr(torch.nn, activation)())
    return model, torch.optim.SGD(model.parameters(), 0.1)


def step(model: Any, optimizer: Any, recorder: Any, inputs: Any, targets: Any) -> None:
    """One step of training."""
    import torch

    loss = torch.nn.functional.cross_entropy(model(inputs), targets)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    recorder.log(loss=loss)
