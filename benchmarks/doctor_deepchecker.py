"""The properties that TheDeepChecker (TOSEM 2022) checks, with the values of its settings.

Its second phase fits one batch over and over; here the same properties are checked on the training
itself, at its period of ten steps. Of its first phase the data, the loss at the start and the
gradient by differences are checked, of its last phase the loss in both modes.

Left out: what needs trainings of its own (fitting one batch, zeroed inputs, shuffled labels,
augmentation), and in its favour the tests of the initialisation's spread and of biases at nought,
which PyTorch's own defaults fail: they would speak in nearly every healthy run.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmarks.doctor_copies import derivative_error, in_both_modes
from benchmarks.doctor_observer import Passed, Step
from benchmarks.doctor_peers import Peer
from tests.zoo import Run

PERIOD = START = 10  # steps: between checks, and before the first of activations
TOLERANCE = 0.01  # of "almost equal"
PERPLEXITY = 0.5  # of the labels, over the most there can be
START_LOSS = 1.0  # how far from log(classes), over it
DERIVATIVE, DELTA = 0.01, 1e-4
DEAD_VALUE, DEAD_SHARE = 1e-5, 0.5  # 95th percentile of a unit; share of a layer's units
SATURATED, SATURATED_SHARE = 0.85, 0.5
SPREAD, F_CRITICAL = (0.5, 2.0), 5.0239  # std of outputs; of the F test at 0.025, as in its ports
DEAD_WEIGHT, DEAD_WEIGHTS = 1e-5, 0.95
LARGE_WEIGHT, GROWTH, WINDOW = 1e8, 2.0, 5
SMALL_GRADIENT, LARGE_GRADIENT, DECAY = 1e-6, 1e6, 0.5
UPDATES = (-4.0, -1.0)  # log10 of mean |update| over mean |weight|
LOSS_FALL, FLUCTUATION, FLUCTUATION_WINDOW = 0.05, 0.5, 50
CORRELATION = 0.5  # of loss and metric
PATIENCE = 5  # periods
MODES = 0.5  # loss in training mode and in evaluation, their difference over the larger

STILL = ("params_not_in_optimizer", "frozen_parameters", "graph_detached", "no_update")


class DeepChecker(Peer):
    name = "TheDeepChecker"
    meanings: ClassVar = {
        "constant features": ("constant_inputs", "dead_features"),
        "unnormalised features": ("unnormalised_inputs",),
        "unnormalised targets": ("unnormalised_targets",),
        "unbalanced labels": ("class_imbalance",),
        "constant weights": ("symmetric_init",),
        "loss at the start": ("bad_init_scale", "exploding_gradient", "unnormalised_inputs"),
        "gradient error": ("wrong_gradient",),
        "not finite": (
            *("nonfinite_loss", "exploding_gradient", "fp16_overflow"),
            *("nan_inputs", "lr_too_high"),
        ),
        "dead layer": ("dead_relu",),
        "saturated layer": ("saturated_activations",),
        "spread of activations": ("bad_init_scale", "saturated_activations", "vanishing_gradient"),
        "constant outputs": ("no_signal", "constant_inputs", "symmetric_init"),
        "reach of outputs": ("output_range_mismatch",),
        "dead weights": ("symmetric_init", "excess_weight_decay"),
        "diverging weights": ("weight_blowup",),
        "vanishing gradient": ("vanishing_gradient",),
        "exploding gradient": ("exploding_gradient",),
        "untrained": STILL,
        "slow": ("lr_too_low", "over_clipping", "optimiser_misconfigured", "vanishing_gradient"),
        "fast": ("lr_too_high", "exploding_gradient", "stale_momentum"),
        "stagnating loss": ("plateau", "underfitting", "lr_too_low"),
        "diverging loss": ("lr_too_high", "weight_blowup"),
        "fluctuating loss": ("loss_spikes", "lr_too_high", "stale_momentum"),
        "loss against metric": ("wrong_loss", "wrong_objective"),
        "modes apart": (
            *("excess_dropout", "misplaced_dropout"),
            *("bn_running_stats", "bn_small_batch"),
        ),
    }

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[str, list[float]] = {}
        self.slopes: dict[str, list[float]] = {}
        self.updates: dict[str, list[float]] = {}
        self.recent: list[tuple[float, float]] = []  # loss and metric of the steps of a period
        self.losses: list[float] = []
        self.metrics: list[float] = []
        self.varied = self.reached = self.negative = False  # outputs, at some step

    def start(self, run: Run) -> None:
        self.task = run.task
        x, y = run.train_loader.xs[0], run.train_loader.y
        if x.is_floating_point():
            self._features(x.flatten(1))
        self._targets(y)
        for name, weight in run.model.named_parameters():
            constant = weight.dim() > 1 and float(weight.detach().var()) <= 1e-8
            self.say_if(constant and "weight" in name, "constant weights")
        if run.case.step_fn is None:
            self._derivative(run)

    def _features(self, x: Tensor) -> None:
        """As one scale or column by column, whichever finds less."""
        self.say_if(float(x.std()) == 0, "constant features")
        if float(x.std()) > 0:
            columns = all(_is_normal(column) for column in x.T)
            self.say_if(not (_is_normal(x) or columns), "unnormalised features")

    def _targets(self, y: Tensor) -> None:
        self.classes = int(y.max()) + 1 if y.dtype == torch.long and y.dim() == 1 else 0
        if self.classes > 1:
            share = torch.bincount(y).double() / len(y)
            entropy = float(-(share * share.clamp(min=1e-12).log()).sum())
            balance = (math.exp(entropy) - 1) / (self.classes - 1)
            self.say_if(balance < PERPLEXITY, "unbalanced labels")
        elif self.task == "regression":
            self.say_if(not _is_normal(y), "unnormalised targets")
        self.target = y

    def _derivative(self, run: Run) -> None:
        """In one random direction, in double precision, on a copy."""
        try:
            error = derivative_error(run, DELTA)
        except Exception:  # models that only know float32
            return
        self.say_if(error > DERIVATIVE, "gradient error")

    def step(self, step: Step) -> None:
        self.at = step.at
        if not math.isfinite(step.loss) or not _finite(step.gradients) or not _finite(step.after):
            self.say("not finite")
            return
        self._follow(step)
        if step.at == 1 and self.classes > 1 and self.task == "classification":
            expected = math.log(self.classes)
            self.say_if(abs(step.loss - expected) >= START_LOSS * expected, "loss at the start")
        if step.saved and step.at >= START:
            self._activations(step)
        self._outputs(step)
        if step.at % PERIOD == 0:
            self._weights(step)
            self._gradients()
            self._loss()

    def _follow(self, step: Step) -> None:
        self.recent.append((step.loss, step.metric))
        for name, gradient in step.gradients.items():
            if gradient.dim() > 1:
                self.slopes.setdefault(name, []).append(float(gradient.abs().mean()))
        for name, weight in step.after.items():
            size = float(step.before[name].abs().mean())
            self.sizes.setdefault(name, []).append(float(weight.abs().mean()))
            if weight.dim() > 1 and size:
                ratio = float((weight - step.before[name]).abs().mean()) / size
                self.updates.setdefault(name, []).append(math.log10(ratio) if ratio else 0.0)

    def _activations(self, step: Step) -> None:
        for passed in step.passed.values():
            made = _units(passed)
            if passed.function in (nn.Tanh, nn.Sigmoid):
                lowest = -1.0 if passed.function is nn.Tanh else 0.0
                middle = (1 + lowest) / 2
                density = (made - middle).abs().mean(0) / (1 - middle)
                share = float((density > SATURATED).float().mean())
                self.say_if(share > SATURATED_SHARE, "saturated layer")
            else:
                major = made.abs().quantile(0.95, dim=0)
                share = float((major < DEAD_VALUE).float().mean())
                self.say_if(share > DEAD_SHARE, "dead layer")
            self.say_if(_is_off(float(made.std())), "spread of activations")

    def _outputs(self, step: Step) -> None:
        """They vary, pass one and nought where targets do: once in the first periods is enough."""
        out = step.output
        if not isinstance(out, Tensor) or out.dim() != 2:
            return
        out = out.detach().float()
        self.varied |= bool((out.var(0) > 0).all())
        self.reached |= bool((out.abs() > 1).any())
        self.negative |= bool((out < 0).any())
        if step.at == PATIENCE * PERIOD:
            self.say_if(not self.varied, "constant outputs")
            if self.task == "regression":
                short = bool((self.target.abs() > 1).any()) and not self.reached
                unsigned = bool((self.target < 0).any()) and not self.negative
                self.say_if(short or unsigned, "reach of outputs")

    def _weights(self, step: Step) -> None:
        for name, weight in step.after.items():
            sizes = self.sizes[name]
            if weight.dim() > 1:
                dead = float((weight.abs() < DEAD_WEIGHT).float().mean())
                self.say_if(dead > DEAD_WEIGHTS, "dead weights")
            diverges = sizes[-1] > LARGE_WEIGHT or _rates(sizes, least=GROWTH)
            self.say_if(diverges, "diverging weights")
            ratios = self.updates.pop(name, [])
            if ratios:
                mean = sum(ratios) / len(ratios)
                self.say_if(mean == 0, "untrained")
                self.say_if(mean > UPDATES[1] and mean != 0, "fast")
                self.say_if(mean < UPDATES[0], "slow")

    def _gradients(self) -> None:
        for slopes in self.slopes.values():
            vanishes = slopes[-1] < SMALL_GRADIENT or _rates(slopes, most=DECAY)
            self.say_if(vanishes, "vanishing gradient")
            explodes = slopes[-1] > LARGE_GRADIENT or _rates(slopes, least=GROWTH)
            self.say_if(explodes, "exploding gradient")

    def _loss(self) -> None:
        losses, metrics = zip(*self.recent, strict=True)
        self.recent = []
        self.losses.append(sum(losses) / len(losses))
        self.metrics.append(sum(metrics) / len(metrics))
        curve = torch.tensor(self.losses, dtype=torch.float64)
        if len(curve) >= WINDOW:
            falls = (curve[-WINDOW:-1] - curve[-WINDOW + 1 :]) / curve[-WINDOW:-1]
            self.say_if((falls < LOSS_FALL).all(), "stagnating loss")
            self.say_if(_rates(self.losses, least=GROWTH), "diverging loss")
        smooth = _smoothness(curve[-FLUCTUATION_WINDOW:])
        self.say_if(smooth < FLUCTUATION, "fluctuating loss")
        if len(curve) > 2 and not any(map(math.isnan, self.metrics)):
            pair = torch.stack([curve, torch.tensor(self.metrics, dtype=torch.float64)])
            self.say_if(abs(float(torch.corrcoef(pair)[0, 1])) < CORRELATION, "loss against metric")

    def end(self, run: Run) -> None:
        if run.case.step_fn is None and math.isfinite(run.loss):
            training, evaluation = in_both_modes(run)
            largest = max(training, evaluation)
            apart = largest > 0 and abs(training - evaluation) / largest > MODES
            self.say_if(apart, "modes apart")


def _is_normal(x: Tensor) -> bool:
    low, high, mean, std = (float(f) for f in (x.min(), x.max(), x.mean(), x.std()))
    within = abs(high - 1) <= TOLERANCE and min(abs(low), abs(low + 1)) <= TOLERANCE
    return within or (abs(std - 1) <= TOLERANCE and abs(mean) <= TOLERANCE)


def _finite(tensors: dict[str, Tensor]) -> bool:
    return all(bool(t.isfinite().all()) for t in tensors.values())


def _units(passed: Passed) -> Tensor:
    """[row, unit]: places of an image or a sequence are rows."""
    made = passed.made.movedim(1, -1) if passed.made.dim() == 4 else passed.made
    return made.reshape(-1, made.shape[-1])


def _is_off(std: float) -> bool:
    low, high = SPREAD
    below = std < low and (low / max(std, 1e-30)) ** 2 > F_CRITICAL
    return below or (std > high and (std / high) ** 2 > F_CRITICAL)


def _rates(values: list[float], *, least: float = -math.inf, most: float = math.inf) -> bool:
    """Do all of the last few grow by so much, or by no more than that?"""
    if len(values) < WINDOW or not all(values[-WINDOW:]):
        return False
    rates = [b / a for a, b in zip(values[-WINDOW:-1], values[-WINDOW + 1 :], strict=True)]
    return all(least <= rate <= most for rate in rates)


def _smoothness(curve: Tensor) -> float:
    ups = curve[1:] > curve[:-1]
    return (len(curve) - int((ups[1:] != ups[:-1]).sum())) / len(curve)
