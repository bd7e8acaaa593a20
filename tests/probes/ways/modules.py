"""Modules and what they give."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.utils.checkpoint import checkpoint

from tests.probes.ways import batches, descend, fit, mlp, sgd, way


class Repeated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.again, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for _ in range(3):
            x = torch.tanh(self.again(x))
        return self.last(x)


@way("one module called several times", "its outputs of all calls together")
def repeated(eye: Any) -> None:
    model = Repeated()
    fit(eye, model, sgd(model))


@way("a module under two names", "its outputs of both places, under the first name")
def shared(eye: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    model.insert(2, model[0])
    model.insert(3, model[1])
    fit(eye, model, sgd(model))


@dataclass
class Pair:
    left: Tensor
    right: Tensor | None


Both = namedtuple("Both", "left right")  # noqa: PYI024


class Ordered(OrderedDict):
    """A mapping that torch's trees do not know."""


SHAPES = {
    "a tuple": lambda left, right: (left, right),
    "a list": lambda left, right: [left, right],
    "a nested tuple": lambda left, right: (left, ((right,), None, 3)),
    "a named tuple": Both,
    "a dict": lambda left, right: {"left": left, "right": right},
    "a dict of a class of its own": lambda left, right: Ordered(left=left, right=right),
    "a dataclass": Pair,
    "a dataclass that holds None": lambda left, right: Pair(left + 0 * right.sum(), None),
    "a list that grows": lambda left, right: [left, *[right] * len(GROWN)],
}
GROWN: list[int] = []


class Forked(nn.Module):
    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.left, self.right, self.fork = nn.Linear(4, 2), nn.Linear(4, 2), Giving(shape)

    def forward(self, x: Tensor) -> Any:
        return self.fork(self.left(x), self.right(x))


class Giving(nn.Module):
    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, left: Tensor, right: Tensor) -> Any:
        return self.shape(left.square(), right.tanh())


def total(output: Any) -> Tensor:
    """Whatever holds the tensors, their sum."""
    if isinstance(output, Tensor):
        return output.square().mean()
    if isinstance(output, dict):
        output = list(output.values())
    parts = list(vars(output).values()) if isinstance(output, Pair) else output
    return sum((total(part) for part in parts if not isinstance(part, int | None)), torch.zeros(()))


def forked(eye: Any, shape: Any) -> None:
    model = Forked(shape)
    optimizer = sgd(model)
    GROWN.clear()
    with eye.on(model, optimizer):
        for x, _ in batches():
            descend(eye, optimizer, total(model(x)))
            GROWN.append(1)


for name, shape in SHAPES.items():
    way(f"a module that gives {name}", "each of its tensors is a row")(partial(forked, shape=shape))


@way(
    "a module that gives a ModelOutput",
    "each of its tensors is a row",
    needs=("transformers",),
    ignore=(".*",),
)
def model_output(eye: Any) -> None:
    from transformers.modeling_outputs import BaseModelOutputWithPooling

    forked(eye, BaseModelOutputWithPooling)


class Silent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.watch = nn.Linear(4, 2), Nothing()

    def forward(self, x: Tensor) -> Tensor:
        self.watch(x)
        return self.layer(x)


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> None:
        self.seen = len(x)


@way("a module that gives None", "it has no row")
def none(eye: Any) -> None:
    model = Silent()
    fit(eye, model, sgd(model))


class Reader(nn.Module):
    def __init__(self, kind: type[nn.RNNBase]) -> None:
        super().__init__()
        self.read, self.head = kind(4, 3, num_layers=2, batch_first=True), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.read(x)[0][:, -1])


for kind in (nn.LSTM, nn.GRU):

    @way(f"{kind.__name__}", "outputs and states, each a row")
    def recurrent(eye: Any, kind: Any = kind) -> None:
        model = Reader(kind)
        optimizer = sgd(model)
        with eye.on(model, optimizer):
            for x, y in batches(3, 8, 5, 4):
                descend(eye, optimizer, mse_loss(model(x), y))


@way(
    "a packed sequence",
    "outputs in a PackedSequence, the data of which is a row",
    says="not recorded",
    lacks=("activations:read?0??1?",),
)
def packed(eye: Any) -> None:
    model = Packing()
    fit(eye, model, sgd(model))


class Packing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.read, self.head = nn.GRU(1, 3, batch_first=True), nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        lengths = torch.tensor([4, 4, 4, 3, 3, 2, 1, 1], device="cpu")
        sequence = nn.utils.rnn.pack_padded_sequence(x.unsqueeze(-1), lengths, batch_first=True)
        return self.head(self.read(sequence)[1][0])


@way("in-place ReLU", "an output that is overwritten later is recorded as it was given")
def inplace(eye: Any) -> None:
    model = mlp(inplace=True)
    fit(eye, model, sgd(model))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        y += x
        return self.last(y)


@way("a residual added in place", "`y += x` after a layer works, and its output is what it gave")
def residual(eye: Any) -> None:
    model = Residual()
    fit(eye, model, sgd(model))


@way("a view changed in place", "a later write through a view leaves what was recorded alone")
def view(eye: Any) -> None:
    model = Viewed()
    fit(eye, model, sgd(model))


class Viewed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        y[:, :2] *= 2
        return self.last(y)


class Checkpointed(nn.Module):
    def __init__(self, run: Any) -> None:
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.block = nn.Sequential(nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, 6), nn.ReLU())
        self.last, self.run = nn.Linear(6, 2), run

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.run(self.block, self.first(x)))


for reentrant in (True, False):

    @way(
        f"activation checkpointing, {'reentrant' if reentrant else 'not reentrant'}",
        "the second forward pass is not counted; gradients of the outputs are there",
    )
    def checkpointed(eye: Any, reentrant: bool = reentrant) -> None:
        run = partial(checkpoint, use_reentrant=reentrant)
        model = Checkpointed((lambda block, x: block(x)) if eye.plain else run)
        fit(eye, model, sgd(model))


@way("checkpointing of every layer", "nested blocks, each run again in the backward pass")
def nested_checkpoints(eye: Any) -> None:
    def run(block: nn.Module, x: Tensor) -> Tensor:
        for layer in block:
            x = layer(x) if eye.plain else checkpoint(layer, x, use_reentrant=False)
        return x

    model = Checkpointed(run if eye.plain else partial(checkpoint, run, use_reentrant=False))
    fit(eye, model, sgd(model))


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.first(x)).relu())


@way("frozen batch statistics", "a BatchNorm in eval within a model in training has its outputs")
def frozen_norm(eye: Any) -> None:
    model = Normed()
    model.norm.eval()
    fit(eye, model, sgd(model))


@way("training in eval mode", "a model in eval that learns is a model that learns")
def eval_mode(eye: Any) -> None:
    model = Normed().eval()
    fit(eye, model, sgd(model))


class Attentive(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(1, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 8, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(x.unsqueeze(-1))).mean(1))


@way("a TransformerEncoder", "attention, dropout and norms; the parts that run have rows")
def transformer(eye: Any) -> None:
    model = Attentive()
    fit(eye, model, sgd(model))


@way("a forward that calls a submodule's forward", "`self.layer.forward(x)` goes past every hook")
def past_hooks(eye: Any) -> None:
    model = Direct()
    fit(eye, model, sgd(model))


class Direct(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.two(self.one.forward(x))


@way(
    "hooks of the user's own",
    "that scale gradients, and replace an output: recorded is what the layer itself gave",
    says="before they change it",
)
def own_hooks(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        model[0].register_forward_hook(lambda module, inputs, output: output * 2)
        model[0].register_forward_pre_hook(lambda module, inputs: (inputs[0] + 1,))
        model[1].register_full_backward_hook(lambda module, given, taken: (given[0] * 3,))
        model[2].weight.register_hook(lambda gradient: gradient * 4)
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x), y))


class Inner(nn.Module):
    def __init__(self, apply: Any) -> None:
        super().__init__()
        self.potential, self.head, self.apply_ = nn.Linear(4, 1), nn.Linear(4, 2), apply

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.apply_(self.potential, x))


def transformed(eye: Any, apply: Any) -> None:
    model = Inner(apply)
    fit(eye, model, sgd(model))


def by_functional_call(module: nn.Module, x: Tensor) -> Tensor:
    weights = {name: weight * 2 for name, weight in module.named_parameters()}
    return x * torch.func.functional_call(module, weights, x)


TRANSFORMS = {
    "torch.func.grad": lambda module, x: torch.func.grad(lambda z: module(z).tanh().sum())(x),
    "torch.func.vmap": lambda module, x: x * torch.func.vmap(module)(x),
    "torch.func.jacrev": lambda module, x: torch.func.jacrev(lambda z: module(z).sum(0))(x)[0],
}
for name, apply in TRANSFORMS.items():
    way(
        f"{name} in the forward pass",
        "what runs inside the transform is left out and named; the rest is right",
        says="torch.func|vmap|transform",
        lacks=("*:potential",),
    )(partial(transformed, apply=apply))

way("functional_call in the forward pass", "outputs of the weights that were put in")(
    partial(transformed, apply=by_functional_call)
)
