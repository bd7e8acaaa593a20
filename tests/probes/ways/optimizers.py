"""Optimizers and their steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import SGD

from tests.probes.ways import batches, descend, fit, mlp, sgd, take_step, way

KINDS = {
    "Nesterov SGD, foreach": partial(SGD, lr=0.05, momentum=0.9, nesterov=True, foreach=True),
    "SGD, maximising": partial(SGD, lr=0.01, maximize=True),
    "SGD, not foreach": partial(SGD, lr=0.05, weight_decay=0.1, foreach=False),
    "fused AdamW": partial(torch.optim.AdamW, lr=0.01, fused=True),
    "Adam, capturable off, amsgrad": partial(torch.optim.Adam, lr=0.01, amsgrad=True),
    "NAdam": torch.optim.NAdam,
    "RAdam": torch.optim.RAdam,
    "Adamax": torch.optim.Adamax,
    "Adagrad": torch.optim.Adagrad,
    "Adadelta": torch.optim.Adadelta,
    "RMSprop": torch.optim.RMSprop,
    "Rprop": torch.optim.Rprop,
    "ASGD": torch.optim.ASGD,
    "Adafactor": torch.optim.Adafactor,
}


def optimized(eye: Any, build: Any) -> None:
    model = mlp()
    fit(eye, model, build(model.parameters()))


for kind, build in KINDS.items():
    way(kind, "gradients before the step, weights after it")(partial(optimized, build=build))


@way("Muon beside AdamW", "two optimizers that share a model and step together")
def muon(eye: Any) -> None:
    model = mlp()
    matrices = torch.optim.Muon([p for p in model.parameters() if p.ndim == 2], lr=0.01)
    rest = torch.optim.AdamW([p for p in model.parameters() if p.ndim != 2], lr=0.01)
    with eye.on(model, [matrices, rest]):
        for x, y in batches(6):
            loss = mse_loss(model(x), y)
            loss.backward()
            for optimizer in (matrices, rest):
                take_step(eye, optimizer)
            model.zero_grad()
            eye.end(loss)


class SignDescent(torch.optim.Optimizer):
    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"rate": 0.01})

    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.data.sub_(group["rate"] * parameter.grad.sign())


@way("an optimizer of the user's own", "whose step takes no closure and has no decorator")
def own_optimizer(eye: Any) -> None:
    model = mlp()
    fit(eye, model, SignDescent(model.parameters()))


def with_closure(eye: Any, optimizer: Any, model: nn.Module) -> None:
    """The gradients that count are those of the closure's first call in a step."""
    with eye.on(model, optimizer):
        for x, y in batches():
            calls: list[Tensor] = []

            def closure(x: Tensor = x, y: Tensor = y, calls: list[Tensor] = calls) -> Tensor:
                optimizer.zero_grad()
                loss = mse_loss(model(x), y)
                loss.backward()
                if not calls:
                    eye.before(optimizer)
                calls.append(loss)
                return loss

            optimizer.step(closure)
            eye.after(optimizer)
            eye.end(calls[0])


@way("SGD with a closure", "gradients that come to be inside the step")
def sgd_closure(eye: Any) -> None:
    model = mlp()
    with_closure(eye, sgd(model), model)


@way("LBFGS", "the gradients of the step's first evaluation, the outputs of all of them")
def lbfgs(eye: Any) -> None:
    model = mlp()
    with_closure(eye, torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4), model)


def adversarial(eye: Any, critics: int) -> None:
    """A step is a round of both."""
    pair = nn.ModuleDict({"critic": mlp(), "generator": nn.Linear(4, 4)})
    pair["critic"].append(nn.Linear(2, 1))
    critic, generator = (SGD(pair[name].parameters(), 0.05) for name in ("critic", "generator"))
    with eye.on(pair, [critic, generator]):
        for x, _ in batches(4):
            for _ in range(critics):
                fake = pair["generator"](x).detach()
                loss = pair["critic"](fake).mean() - pair["critic"](x + 1).mean()
                take_turn(eye, pair, critic, loss)
            loss = -pair["critic"](pair["generator"](x)).mean()
            take_turn(eye, pair, generator, loss)
            eye.end(loss)


def take_turn(eye: Any, pair: nn.Module, optimizer: Any, loss: Tensor) -> None:
    pair.zero_grad()
    loss.backward()
    take_step(eye, optimizer)


for critics in (1, 2, 5):
    way(
        f"a GAN, critic {critics}:1",
        "each parameter as its own optimizer saw it, outputs of the whole round",
    )(partial(adversarial, critics=critics))


@way(
    "an optimizer in the backward pass",
    "one optimizer a parameter, stepped by hooks: right, or refused",
    says="backward",
    lacks=("*:*",),
)
def in_backward(eye: Any) -> None:
    model = mlp()
    owners = {parameter: SGD([parameter], 0.05) for parameter in model.parameters()}

    def move(parameter: Tensor) -> None:
        take_step(eye, owners[parameter])
        owners[parameter].zero_grad()

    for parameter in owners:
        parameter.register_post_accumulate_grad_hook(move)
    with eye.on(model, list(owners.values())):
        for x, y in batches():
            loss = mse_loss(model(x), y)
            loss.backward()
            eye.end(loss)


@way("no optimizer", "an update written by hand inside `with recorder.step():`")
def by_hand(eye: Any) -> None:
    model = mlp()
    with eye.on(model, None):
        for x, y in batches():
            loss = mse_loss(model(x), y)
            loss.backward()
            with eye.step(), torch.no_grad():
                for parameter in model.parameters():
                    parameter.sub_(0.05 * parameter.grad)
            model.zero_grad()
            eye.end(loss)


@way("gradients put there by hand", "from torch.func.grad, then an optimizer's step")
def gradients_by_hand(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    weights = dict(model.named_parameters())
    with eye.on(model, optimizer):
        for x, y in batches():
            loss = mse_loss(model(x), y)
            found = torch.autograd.grad(loss, list(weights.values()))
            for parameter, gradient in zip(weights.values(), found, strict=True):
                parameter.grad = gradient
            take_step(eye, optimizer)
            eye.end(loss)


@way("schedulers", "a scheduler that changes rate and momentum at every step")
def scheduled(eye: Any) -> None:
    model = mlp()
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=5)
    with eye.on(model, optimizer):
        for x, y in batches(4):
            descend(eye, optimizer, mse_loss(model(x), y))
            scheduler.step()


@way("a parameter group added midway", "new parameters are recorded from then on")
def group_added(eye: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    optimizer = SGD(model[2].parameters(), 0.05)
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(4)):
            if n == 2:
                optimizer.add_param_group({"params": list(model[0].parameters()), "lr": 0.01})
            descend(eye, optimizer, mse_loss(model(x), y))
            model.zero_grad()
