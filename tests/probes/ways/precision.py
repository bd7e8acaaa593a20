"""Precision and scaling."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.functional import mse_loss

from tests.probes.ways import batches, descend, fit, mlp, sgd, way


@way("float32", "gradients, weights, updates, outputs and their gradients of a plain loop")
def float32(eye: Any) -> None:
    model = mlp()
    fit(eye, model, sgd(model), steps=5)


@way("float64", "the same in double precision")
def float64(eye: Any) -> None:
    model = mlp().double()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x.double()), y.double()))


@way("bfloat16 weights", "a model that is bfloat16 throughout")
def bfloat16(eye: Any) -> None:
    model = mlp().bfloat16()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x.bfloat16()), y.bfloat16()))


@way("bf16 autocast", "outputs in bfloat16, gradients and weights in float32")
def autocast(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            with torch.autocast("cpu", torch.bfloat16):
                output = model(x)
            descend(eye, optimizer, mse_loss(output.float(), y))


@way("recorded step inside autocast", "the optimizer steps inside the autocast block too")
def all_inside_autocast(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer), torch.autocast("cpu", torch.bfloat16):
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x), y))


OVERFLOW = 3  # the step whose loss is made too large for half precision
AMP = (
    ("SGD", partial(torch.optim.SGD, lr=0.05, momentum=0.9)),
    ("Adam", partial(torch.optim.Adam, lr=0.01)),
    ("fused SGD", partial(torch.optim.SGD, lr=0.05, fused=True)),
    ("fused Adam", partial(torch.optim.Adam, lr=0.01, fused=True)),
)


def scaled(eye: Any, build: Any, *, overflow: bool = False, clip: bool = False) -> None:
    model = mlp()
    optimizer, scaler = build(model.parameters()), torch.amp.GradScaler("cpu", init_scale=1024.0)
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(5), 1):
            with torch.autocast("cpu", torch.float16):
                loss = mse_loss(model(x).float(), y)
            skipped, scale = overflow and n == OVERFLOW, scaler.get_scale()
            scaler.scale(loss * 1e30 if skipped else loss).backward()
            if clip:
                scaler.unscale_(optimizer)
                norm = nn.utils.clip_grad_norm_(model.parameters(), 0.1)
                eye.scalar("gradient_norm/before_clipping", norm)
            eye.before(optimizer, scale=1.0 if clip else scale, outputs=scale if clip else 1.0)
            scaler.step(optimizer)
            eye.after(optimizer)
            scaler.update()
            optimizer.zero_grad()
            eye.end(loss, skipped=skipped)


for kind, build in AMP:
    way(f"fp16 with GradScaler, {kind}", "gradients are recorded unscaled")(
        partial(scaled, build=build)
    )
    way(
        f"fp16 with GradScaler, {kind}, a step overflows",
        "the skipped step is an event, and what came after it has the right step",
        events=((OVERFLOW, "skipped"),),
    )(partial(scaled, build=build, overflow=True))


@way("fp16 with GradScaler, three micro-batches", "scaled gradients add up, and are unscaled once")
def scaled_micro_batches(eye: Any) -> None:
    model = mlp()
    optimizer, scaler = sgd(model), torch.amp.GradScaler("cpu", init_scale=1024.0)
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(9), 1):
            with torch.autocast("cpu", torch.float16):
                loss = mse_loss(model(x).float(), y) / 3
            scaler.scale(loss).backward()
            if n % 3 == 0:
                eye.before(optimizer, scale=scaler.get_scale())
                scaler.step(optimizer)
                eye.after(optimizer)
                scaler.update()
                optimizer.zero_grad()
                eye.end(loss)


way("fp16 with GradScaler, unscaled and clipped", "the clipped gradients, and the norm before")(
    partial(scaled, build=AMP[0][1], clip=True)
)
