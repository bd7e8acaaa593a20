"""The rules of AutoTrainer (ICSE 2021), with the parameters that its authors set.

It works by epochs and by accuracy: the stretches between the zoo's validations stand for epochs,
and the case's metric (accuracy, or R² for numbers) for accuracy. Where a training has neither, as
a language model, only its rule for what is not finite can speak. The gradient is that of the last
batch of an epoch; the kernels are the parameters with two axes or more.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

from torch import Tensor

from benchmarks.doctor_observer import Step
from benchmarks.doctor_peers import Peer
from tests.zoo import Run

FIRST_TO_LAST, FIRST_NORM = 1e-3, 1e-4  # beta 1 and 2: vanishing
EXPLODING = 70.0  # beta 3: first over last
ZEROS = 0.7  # gamma: share of gradient entries
SWING, SWINGS = 0.03, 0.2  # zeta and eta: of accuracy, and in this share of epochs
GAIN = 0.01  # delta: between two epochs
GOOD = 0.7  # theta: accuracy of a training that has converged
JUDGED = 0.3  # of the epochs, from which on the curves are judged
LOST = 1e5  # validation loss


class AutoTrainer(Peer):
    name = "AutoTrainer"
    meanings: ClassVar = {
        "vanish": ("vanishing_gradient",),
        "explode": ("exploding_gradient", "nonfinite_loss"),
        "relu": ("dead_relu",),
        "unstable": ("loss_spikes", "lr_too_high", "stale_momentum"),
        "not_converge": ("lr_too_low", "underfitting", "plateau"),
    }

    def __init__(self) -> None:
        super().__init__()
        self.epochs = 0
        self.gradients: dict[str, Tensor] = {}
        self.weights: dict[str, Tensor] = {}
        self.metrics: list[float] = []
        self.losses: list[float] = []
        self.history: list[tuple[float, float]] = []  # accuracy in training, in validation
        self.seen: set[str] = set()  # what stays true once it was

    def start(self, run: Run) -> None:
        every = max(1, run.steps // 10)
        self.epochs = math.ceil(run.steps / every)

    def step(self, step: Step) -> None:
        self.at = step.at
        self.losses.append(step.loss)
        self.metrics.append(step.metric)
        self.gradients, self.weights = step.gradients, step.after

    def validated(self, run: Run) -> None:
        if run.step == 0:
            return
        self.history.append((sum(self.metrics) / len(self.metrics), run.val_metric))
        self._look_at_gradients()
        self._look_at_curves(run)
        if not self.words:  # it stops at the first issue, to repair
            self._decide()
        self.metrics, self.losses = [], []

    def _look_at_gradients(self) -> None:
        if not all(bool(t.isfinite().all()) for t in self.gradients.values()):
            self.seen.add("not finite")
            return
        kernels = [g for g in self.gradients.values() if g.dim() > 1]
        if not kernels:
            return
        first, last = (float(g.norm()) for g in (kernels[0], kernels[-1]))
        ratio = first / last if last else math.nan
        self._note(ratio < FIRST_TO_LAST and first < FIRST_NORM, "vanish")
        self._note(ratio > EXPLODING, "explode")
        entries = sum(g.numel() for g in self.gradients.values())
        zeros = sum(int((g == 0).sum()) for g in self.gradients.values())
        self._note(zeros >= ZEROS * entries, "relu")

    def _look_at_curves(self, run: Run) -> None:
        finite = all(math.isfinite(x) for x in (*self.losses, run.val_loss))
        whole = all(bool(w.isfinite().all()) for w in self.weights.values())
        if not (finite and whole) or run.val_loss >= LOST:
            self.seen.add("not finite")
            return
        training, validation = zip(*self.history, strict=True)
        known = not any(map(math.isnan, (*training, *validation)))
        if not known or len(training) < JUDGED * self.epochs:
            return
        self._note(min(max(training), max(validation)) < GOOD, "bad")
        self._note(max(_gain(training), _gain(validation)) < GAIN, "slow")
        self._note(_swings(training), "swings")

    def _note(self, fired: bool, what: str) -> None:
        if fired:
            self.seen.add(what)

    def _decide(self) -> None:
        self.say_if("not finite" in self.seen, "explode")
        if self.seen & {"bad", "slow"}:
            causes = [name for name in ("relu", "explode", "vanish") if name in self.seen]
            self.say_if(causes, (*causes, "")[0])
            self.say_if(not causes and "slow" in self.seen, "not_converge")
        else:
            self.say_if("swings" in self.seen, "unstable")


def _gain(curve: tuple[float, ...]) -> float:
    return max((b - a for a, b in pairwise(curve)), default=0.0)


def _swings(curve: tuple[float, ...]) -> bool:
    triples = list(zip(curve, curve[1:], curve[2:], strict=False))
    peaks = [b for a, b, c in triples if a <= b >= c]
    pits = [b for a, b, c in triples if a >= b <= c]
    large = sum(high - low >= SWING for high, low in zip(peaks, pits, strict=False))
    return large >= SWINGS * len(curve)
