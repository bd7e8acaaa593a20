"""A plain observer of a training of the zoo: it hands whole tensors to the peers' rules.

It is what the peers would see if their hooks were attached: the gradients before clipping, the
weights around a step, what goes into and comes out of activation functions at saved steps. It
draws nothing and leaves the training as it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.doctor_peers import Peer, Word
from tests.zoo import Case, Run, train

ACTIVATIONS = (
    *(nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus),
    *(nn.Tanh, nn.Sigmoid),
)
FIRST, SAVES = 10, 20  # steps at the start that are saved, and how many more over the run


@dataclass(frozen=True)
class Passed:
    """What went into an activation function and came out."""

    function: type[nn.Module]
    given: Tensor
    made: Tensor


@dataclass
class Step:
    """A training step as rules see it."""

    at: int
    loss: float
    before: dict[str, Tensor]
    after: dict[str, Tensor]
    gradients: dict[str, Tensor]
    saved: bool  # the steps at which activations are there too
    passed: dict[str, Passed]
    output: Any  # of the model; None in loops of another kind
    batch: Any
    metric: float  # of the training batch


@dataclass
class Observer:
    """Callbacks for `train`: `train(case, **Observer(peers).callbacks)`."""

    peers: list[Peer]
    before: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)
    passed: dict[str, Passed] = field(default_factory=dict)
    armed: bool = False

    @property
    def callbacks(self) -> dict[str, Any]:
        return {
            "on_start": self.start,
            "on_backward": self.backward,
            "on_step": self.step,
            "on_eval": self.validated,
            "on_end": self.end,
        }

    def start(self, run: Run) -> None:
        self.handles = [
            module.register_forward_hook(self._keeping(name))
            for name, module in run.model.named_modules()
            if isinstance(module, ACTIVATIONS)
        ]
        self._prepare(run, 1)
        for peer in self.peers:
            peer.start(run)

    def _keeping(self, name: str) -> Any:
        def keep(module: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
            if self.armed and torch.is_grad_enabled():
                given, made = args[0].detach().float(), out.detach().float()
                self.passed[name] = Passed(type(module), given.clone(), made.clone())

        return keep

    def _prepare(self, run: Run, step: int) -> None:
        """For the step that follows, in which a loop of another kind may not call back."""
        self.armed = step <= FIRST or step % max(1, run.steps // SAVES) == 0
        self.passed.clear()
        self.gradients = {}
        self.before = {n: p.detach().clone() for n, p in run.model.named_parameters()}

    def backward(self, run: Run) -> None:
        self.gradients = {
            name: parameter.grad.detach().float().clone()
            for name, parameter in run.model.named_parameters()
            if parameter.grad is not None
        }

    def step(self, run: Run) -> None:
        step = Step(
            at=run.step,
            loss=run.loss,
            before=self.before,
            after={n: p.detach().clone() for n, p in run.model.named_parameters()},
            gradients=self.gradients,
            saved=self.armed,
            passed=dict(self.passed),
            output=run.output,
            batch=run.batch,
            metric=_metric(run),
        )
        for peer in self.peers:
            peer.step(step)
        self._prepare(run, run.step + 1)

    def validated(self, run: Run) -> None:
        for peer in self.peers:
            peer.validated(run)

    def end(self, run: Run) -> None:
        for handle in self.handles:
            handle.remove()
        for peer in self.peers:
            peer.end(run)


def _metric(run: Run) -> float:
    metric = run.case.metric_fn
    if metric is None or run.case.step_fn is not None or not run.case.higher_better:
        return math.nan
    with torch.no_grad():
        return float(metric(run.output, run.batch[1]))


def observe(case: Case, peers: list[Peer]) -> dict[str, list[Word]]:
    """What each of them said of a training."""
    train(case, **Observer(peers).callbacks)
    return {peer.name: peer.words for peer in peers}
