"""Parameters of every kind."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.nn.utils import prune
from torch.optim import SGD

from tests.probes.ways import batches, descend, fit, mlp, sgd, way


@way("frozen parameters", "weights that stand still, and no gradient")
def frozen(eye: Any) -> None:
    model = mlp()
    model[0].requires_grad_(False)
    fit(eye, model, sgd(model))


@way("a parameter unfrozen midway", "its gradients begin where it was unfrozen")
def unfrozen(eye: Any) -> None:
    model = mlp()
    model[0].requires_grad_(False)
    optimizer = SGD(model.parameters(), 0.05)
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(4)):
            model[0].requires_grad_(n >= 2)
            descend(eye, optimizer, mse_loss(model(x), y))


class Unused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.idle, self.sometimes = nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(4, 2)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.used(x) + (self.sometimes(x) if self.calls % 2 else 0)


@way("unused parameters", "no gradient where none came: never, or only at some steps")
def unused(eye: Any) -> None:
    model = Unused()
    fit(eye, model, sgd(model), steps=4)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(7, 4), nn.Linear(4, 7, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.embed(words)).mean(1)


@way("tied parameters", "one tensor under two names is one row, with the gradient of both uses")
def tied(eye: Any) -> None:
    model = Tied()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for n in range(3):
            words = (torch.arange(6).view(2, 3) + n) % 7
            descend(eye, optimizer, model(words).square().mean())


@way("lazily made parameters", "a LazyLinear that becomes one after the Recorder was attached")
def lazy(eye: Any) -> None:
    model = nn.Sequential(nn.LazyLinear(6), nn.ReLU(), nn.LazyLinear(2))
    fit(eye, model, SGD(model.parameters(), 0.05))


@way("a layer added midway", "its parameters and outputs are recorded from then on")
def layer_added(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(4)):
            if n == 2:
                model.append(nn.Linear(2, 2))
                optimizer.add_param_group({"params": list(model[3].parameters())})
                eye.look_again()
            descend(eye, optimizer, mse_loss(model(x), y))


@way("a parameter replaced midway", "the new tensor under the old name, of another size")
def replaced(eye: Any) -> None:
    model = mlp()
    optimizer = SGD(model.parameters(), 0.05)
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(4)):
            if n == 2:
                model[0], model[2] = nn.Linear(4, 3), nn.Linear(3, 2)
                optimizer = SGD(model.parameters(), 0.05) if n < 0 else optimizer
                optimizer.param_groups[0]["params"] = list(model.parameters())
                eye.look_again()
            descend(eye, optimizer, mse_loss(model(x), y))


@way("weights set by hand between steps", "an update is what the step did, not what the hand did")
def set_by_hand(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x), y))
            with torch.no_grad():
                model[0].weight.clamp_(-0.1, 0.1)


@way("parameters in lists and dicts", "ParameterList, ParameterDict and a parameter of the root")
def collections(eye: Any) -> None:
    model = Scales()
    fit(eye, model, sgd(model))


class Scales(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.ones(()))
        self.many = nn.ParameterList([torch.ones(4), torch.zeros(4)])
        self.named = nn.ParameterDict({"head": torch.randn(4, 2)})

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.many[0] + self.many[1]) @ self.named["head"] * self.own


@way("weight_norm", "the parameters behind a parametrisation, under their own names")
def weight_norm(eye: Any) -> None:
    model = mlp()
    nn.utils.parametrizations.weight_norm(model[0])
    fit(eye, model, sgd(model))


@way("spectral_norm", "no forward pass is added: the power iteration is where it would be")
def spectral_norm(eye: Any) -> None:
    model = mlp()
    nn.utils.parametrizations.spectral_norm(model[0])
    fit(eye, model, sgd(model))


@way("pruned weights", "torch.nn.utils.prune, whose masks are in pre-forward hooks")
def pruned(eye: Any) -> None:
    model = mlp()
    prune.l1_unstructured(model[0], "weight", 0.5)
    fit(eye, model, sgd(model))


@way("tensors of no, one and equal elements", "rows that have no spread, and none for no elements")
def small(eye: Any) -> None:
    model = Small()
    fit(eye, model, sgd(model))


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.none, self.one = nn.Parameter(torch.ones(0)), nn.Parameter(torch.ones(1))
        self.same, self.line = nn.Parameter(torch.full((5,), 0.3)), nn.Linear(4, 2)
        self.nothing = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.line(x) * self.one + self.same.sum() + self.nothing(x[:0]).sum()


@way("a model of a single layer", "the root module is itself the layer")
def single(eye: Any) -> None:
    model = nn.Linear(4, 2)
    fit(eye, model, sgd(model))


@way("parameters not contiguous, and of several types", "transposed, strided, half and double")
def strided(eye: Any) -> None:
    model = Strided()
    fit(eye, model, sgd(model))


class Strided(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.turned = nn.Parameter(torch.randn(2, 4).t())
        self.every_other = nn.Parameter(torch.randn(4)[::2])
        self.long = nn.Parameter(torch.randn(2).double())
        self.short = nn.Parameter(torch.randn(2).half())

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.turned * self.every_other * self.long + self.short).float()


@way(
    "NaN and infinities",
    "a training that diverges: counted, and the rest measured; the black box says where it began",
    says="step 2: .inf",
)
def diverging(eye: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 2))
    optimizer = SGD(model.parameters(), 1e12)
    with eye.on(model, optimizer):
        for x, y in batches(6):
            descend(eye, optimizer, mse_loss(model(x), y))
