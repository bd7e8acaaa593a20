"""Accumulation and clipping."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import mse_loss

from tests.probes.ways import batches, descend, mlp, sgd, take_step, way


@way("three micro-batches a step", "gradients are the total, outputs those of all three")
def micro_batches(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(9), 1):
            loss = mse_loss(model(x), y) / 3
            if n % 3:
                loss.backward()
            else:
                descend(eye, optimizer, loss)


@way("micro-batches of unequal size", "outputs are merged by their number of elements")
def unequal(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            mse_loss(model(x[:5]), y[:5]).backward()
            descend(eye, optimizer, mse_loss(model(x[5:]), y[5:]))


@way("one loss of two forward passes", "a siamese step: outputs of both passes")
def siamese(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, _ in batches():
            descend(eye, optimizer, mse_loss(model(x), model(x + 1)))


def clipped(eye: Any, clip: Any, *, heard: bool = True) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            loss = mse_loss(model(x), y)
            loss.backward()
            before = norm(model)
            clip(list(model.parameters()))
            if heard:
                eye.scalar("gradient_norm/before_clipping", before)
                eye.scalar("gradient_norm/after_clipping", norm(model))
            take_step(eye, optimizer)
            optimizer.zero_grad()
            eye.end(loss)


def norm(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.grad.flatten() for p in model.parameters()]).norm()


CLIPS = {
    "clip_grad_norm_": lambda parameters: nn.utils.clip_grad_norm_(parameters, 0.1),
    "clip_grad_norm_ imported from its module": lambda parameters: (
        nn.utils.clip_grad.clip_grad_norm_(parameters, 0.1)
    ),
    "clip_grad_norm_ that clips nothing": lambda parameters: nn.utils.clip_grad_norm_(
        parameters, 1e6
    ),
}
for name, clip in CLIPS.items():
    way(name, "gradients after clipping; their whole norm before and after it")(
        lambda eye, clip=clip: clipped(eye, clip)
    )


@way("clip_grad_value_", "gradients after clipping; what they were before is not recorded")
def clipped_by_value(eye: Any) -> None:
    clipped(eye, lambda parameters: nn.utils.clip_grad_value_(parameters, 0.01), heard=False)


@way("no zero_grad", "gradients that add up over steps are recorded as they are")
def never_zeroed(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            loss = mse_loss(model(x), y)
            loss.backward()
            take_step(eye, optimizer)
            eye.end(loss)


@way("zero_grad before backward", "gradients of the last step do not linger")
def zeroed_first(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            optimizer.zero_grad(set_to_none=False)
            loss = mse_loss(model(x), y)
            loss.backward()
            take_step(eye, optimizer)
            eye.end(loss)


@way("two backward passes through one forward pass", "gradients are the total")
def two_losses(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            output = model(x)
            output.square().mean().backward(retain_graph=True)
            descend(eye, optimizer, mse_loss(output, y))


@way(
    "a gradient penalty",
    "second derivatives: gradients are those of the whole loss",
    says="more than once",
    lacks=("activation_gradients:*",),
)
def penalised(eye: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            x.requires_grad_()
            output = model(x)
            (slope,) = torch.autograd.grad(output.sum(), x, create_graph=True)
            descend(eye, optimizer, mse_loss(output, y) + slope.square().mean())
