"""Compiling."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import mse_loss

from tests.probes.ways import batches, descend, mlp, sgd, way

ROUNDING = 1e-5
INSIDE: dict[str, Any] = {  # what may be out of sight in compiled code, if that is said
    "says": "compiled",
    "lacks": ("activation_gradients:*",),
    "ignore": (".*",),
    "tolerance": ROUNDING,
}
TOO_LATE = {**INSIDE, "lacks": ("activations:*", "activation_gradients:*")}


def compiled(eye: Any, model: nn.Module, **options: Any) -> nn.Module:
    if eye.plain:
        return model
    torch.compiler.reset()
    return torch.compile(model, **{"backend": "aot_eager", **options})


def loop(eye: Any, model: nn.Module, optimizer: Any, steps: int = 3) -> None:
    for x, y in batches(steps):
        descend(eye, optimizer, mse_loss(model(x), y))


def recorder_last(eye: Any, **options: Any) -> None:
    model = mlp()
    optimizer, fast = sgd(model), compiled(eye, model, **options)
    with eye.on(fast, optimizer):
        loop(eye, fast, optimizer)


way(
    "torch.compile, then the Recorder",
    "Recorder(torch.compile(model)), before the first call",
    **INSIDE,
)(recorder_last)
way("torch.compile by inductor", "the default backend", needs=("c++",), **INSIDE)(
    partial(recorder_last, backend="inductor")
)
way("torch.compile with dynamic shapes", "dynamic=True", **INSIDE)(
    partial(recorder_last, dynamic=True)
)


@way(
    "the Recorder, then torch.compile",
    "the plain model is watched, the compiled one called",
    **INSIDE,
)
def recorder_first(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        loop(eye, compiled(eye, model), optimizer)


@way(
    "torch.compile, called before the Recorder", "hooks come too late for compiled code", **TOO_LATE
)
def recorder_too_late(eye: Any) -> None:
    model = mlp()
    optimizer, fast = sgd(model), compiled(eye, model)
    for x, y in batches(1):
        mse_loss(fast(x), y).backward()
    optimizer.zero_grad()
    with eye.on(fast, optimizer):
        loop(eye, fast, optimizer)


@way("model.compile()", "compiled in place", **INSIDE)
def in_place(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    if not eye.plain:
        torch.compiler.reset()
        model.compile(backend="aot_eager")
    with eye.on(model, optimizer):
        loop(eye, model, optimizer)


@way("one block compiled", "a compiled submodule in a plain model", **INSIDE)
def one_block(eye: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 4), mlp())
    optimizer = sgd(model)
    if not eye.plain:
        torch.compiler.reset()
        model[1].compile(backend="aot_eager")
    with eye.on(model, optimizer):
        loop(eye, model, optimizer)


@way("a compiled training step", "forward and loss in one compiled function", **TOO_LATE)
def compiled_loss(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return mse_loss(model(x), y)

    with eye.on(model, optimizer):
        step = compiled(eye, loss_of)
        for x, y in batches():
            descend(eye, optimizer, step(x, y))


@way("a second model of a compiled class", "the second trial of a notebook", **INSIDE)
def second_instance(eye: Any) -> None:
    first = mlp()
    fast = compiled(eye, first)
    for x, _ in batches(1):
        fast(x).sum().backward()
    model = mlp()
    optimizer = sgd(model)
    again = model if eye.plain else torch.compile(model, backend="aot_eager")
    with eye.on(again, optimizer):
        loop(eye, again, optimizer)


@way("recompilation", "a batch of another size midway", **INSIDE)
def recompiled(eye: Any) -> None:
    model = mlp()
    optimizer, fast = sgd(model), compiled(eye, model)
    with eye.on(fast, optimizer):
        for n, (x, y) in enumerate(batches(4)):
            part = slice(8 if n < 2 else 5)
            descend(eye, optimizer, mse_loss(fast(x[part]), y[part]))


@way(
    "compiled graphs are as many with a Recorder",
    "no graph break, and no compiling at each step",
    **INSIDE,
)
def graphs(eye: Any) -> None:
    counted: list[Any] = []
    model = mlp()
    optimizer, fast = sgd(model), compiled(eye, model, backend=partial(counting, counted))
    with eye.on(fast, optimizer):
        loop(eye, fast, optimizer, steps=6)
    eye.note(len(counted) <= 2)


def counting(counted: list[Any], graph: Any, inputs: Any) -> Any:
    """A backend that runs the graph as it is."""
    counted.append(graph)
    return graph.forward


@way(
    "a compiled optimizer step",
    "torch.compile around optimizer.step: still one graph",
    says="no step was seen",
    lacks=("*:*",),
    ignore=(".*",),
)
def compiled_step(eye: Any) -> None:
    counted: list[Any] = []
    model = mlp()
    optimizer = sgd(model)
    step = compiled(eye, optimizer.step, backend=partial(counting, counted))
    with eye.on(model, optimizer):
        for x, y in batches():
            loss = mse_loss(model(x), y)
            loss.backward()
            eye.before(optimizer)
            (optimizer.step if eye.plain else step)()
            eye.after(optimizer)
            optimizer.zero_grad()
            eye.end(loss)
    eye.note(len(counted))


@way("compiled, in bf16 autocast", "outputs in bfloat16", **{**INSIDE, "tolerance": 1e-2})
def compiled_autocast(eye: Any) -> None:
    model = mlp()
    optimizer, fast = sgd(model), compiled(eye, model)
    with eye.on(fast, optimizer):
        for x, y in batches():
            with torch.autocast("cpu", torch.bfloat16):
                loss = mse_loss(fast(x).float(), y)
            descend(eye, optimizer, loss)
