"""Forward passes that are not the training's."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any
from unittest import mock

import torch
from torch import nn
from torch.nn.functional import mse_loss

from tests.probes.ways import batches, descend, mlp, sgd, way
from tests.probes.ways.modules import Attentive, Normed


def between(eye: Any, model: nn.Module, other: Any, steps: int = 3) -> None:
    """A training with something else before its first step, between steps and after the last."""
    optimizer = sgd(model)
    x0 = torch.full((8, 4), 0.5, device="cpu")
    with eye.on(model, optimizer):
        for x, y in batches(steps):
            with eye.unseen():
                other(model, x0)
            descend(eye, optimizer, mse_loss(model(x), y))
        with eye.unseen():
            other(model, x0)


@way("validation", "passes in eval mode without gradients do not enter")
def validation(eye: Any) -> None:
    between(eye, Normed(), lambda model, x: evaluated(model, x, torch.no_grad()))


@way("validation with gradients on", "eval mode alone is enough")
def careless_validation(eye: Any) -> None:
    between(eye, Normed(), lambda model, x: evaluated(model, x, nullcontext()))


@way("validation in inference mode", "nothing of it enters, and nothing raises")
def inference_mode(eye: Any) -> None:
    between(eye, Normed(), lambda model, x: evaluated(model, x, torch.inference_mode()))


def evaluated(model: nn.Module, x: torch.Tensor, context: Any) -> None:
    model.eval()
    with context:
        model(x)
    model.train()


@way("inference without gradients in train mode", "as in reinforcement learning: it does not enter")
def rollout(eye: Any) -> None:
    def act(model: nn.Module, x: torch.Tensor) -> None:
        with torch.no_grad():
            model(x)

    between(eye, mlp(), act)


@way("validation between micro-batches", "the step's own passes are all that counts")
def validation_within(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            mse_loss(model(x), y).backward()
            with eye.unseen():
                evaluated(model, x + 1, torch.no_grad())
            descend(eye, optimizer, mse_loss(model(x), y))


@way("the fast path of attention", "a TransformerEncoder in eval keeps it while it is recorded")
def fast_path(eye: Any) -> None:
    fused = torch._transformer_encoder_layer_fwd

    def count(model: nn.Module, x: torch.Tensor) -> None:
        model.eval()
        with (
            torch.no_grad(),
            mock.patch.object(torch, "_transformer_encoder_layer_fwd", wraps=fused) as called,
        ):
            eye.note(model(x).sum().item())
        eye.note(called.call_count)
        assert eye.plain or called.call_count == 2
        model.train()

    between(eye, Attentive(), count)


@way("an exception in the forward pass", "the loop goes on, and nothing of it stays attached")
def interrupted(eye: Any) -> None:
    def fail(model: nn.Module, x: torch.Tensor) -> None:
        try:
            model(x[:, :3])
        except RuntimeError:
            return
        raise AssertionError

    between(eye, mlp(), fail)


@way("an exception in the backward pass", "what its forward pass gave counts, and nothing breaks")
def interrupted_backward(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            try:
                (model(x + 1).sum() * torch.ones(2)).backward()
            except RuntimeError:
                optimizer.zero_grad()
            descend(eye, optimizer, mse_loss(model(x), y))


@way("torch.jit.trace", "tracing works while recording, and does not enter", ignore=(".*jit.*",))
def traced(eye: Any) -> None:
    def trace(model: nn.Module, x: torch.Tensor) -> None:
        fast = torch.jit.trace(model, x)
        eye.note(re.sub(r"\.___torch_mangle_\d+", "", str(fast.graph)) if not eye.plain else "")

    between(eye, mlp(), trace)


@way("torch.jit.script", "scripting works while recording", ignore=(".*jit.*",))
def scripted(eye: Any) -> None:
    def script(model: nn.Module, x: torch.Tensor) -> None:
        if not eye.plain:  # a model with any hook cannot be scripted
            eye.note(str(torch.jit.script(model)(x).sum()))

    between(eye, mlp(), script)


@way("torch.export", "the exported graph is the same, and exporting does not enter")
def exported(eye: Any) -> None:
    def export(model: nn.Module, x: torch.Tensor) -> None:
        eye.note("" if eye.plain else torch.export.export(model, (x,)).graph_module.code)

    between(eye, mlp(), export, steps=2)


@way("torch.fx.symbolic_trace", "proxies pass through and do not enter")
def symbolic(eye: Any) -> None:
    between(eye, mlp(), lambda model, x: eye.note(torch.fx.symbolic_trace(model).code))


@way(
    "a copy on the meta device",
    "shapes worked out between steps do not enter",
    says="outputs .* are not recorded",
)
def meta_twin(eye: Any) -> None:
    def shapes(model: nn.Module, x: torch.Tensor) -> None:
        meta = {name: value.to("meta") for name, value in model.state_dict().items()}
        torch.func.functional_call(model, meta, x.to("meta")).sum()

    between(eye, mlp(), shapes)


@way(
    "a FLOP counter and a fake tensor mode",
    "modes that watch or replace operations",
    says="outputs .* are not recorded",
)
def fake(eye: Any) -> None:
    from torch._subclasses import FakeTensorMode
    from torch.utils.flop_counter import FlopCounterMode

    def count(model: nn.Module, x: torch.Tensor) -> None:
        with FlopCounterMode(display=False) as flops, torch.no_grad():
            model(x)
        eye.note(flops.get_total_flops())
        with FakeTensorMode(allow_non_fake_inputs=True):
            model(torch.empty(8, 4))

    between(eye, mlp(), count)


@way("a pass whose loss is thrown away", "in train mode with gradients on it is one of the step's")
def thrown_away(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            model(x + 1)
            descend(eye, optimizer, mse_loss(model(x), y))
            model(x + 2)


@way("another model at the same time", "what is not the recorded model does not enter")
def another(eye: Any) -> None:
    other = mlp()

    def learn(model: nn.Module, x: torch.Tensor) -> None:
        optimizer = torch.optim.SGD(other.parameters(), 0.1)
        other(x).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    between(eye, mlp(), learn)


@way("a teacher", "a frozen model whose outputs are the targets")
def distilled(eye: Any) -> None:
    teacher, model = mlp().eval(), mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, _ in batches():
            with torch.no_grad():
                target = teacher(x)
            descend(eye, optimizer, mse_loss(model(x), target))
