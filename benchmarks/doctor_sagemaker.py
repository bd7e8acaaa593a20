"""The built-in rules of Amazon SageMaker Debugger, with the defaults of its documentation.

Rules that must be told what to look at look at weights (AllZero, UnchangedTensor), as the
collection of that name would make them. Its default is to save every 500th step, which is a
twentieth of a training of 10,000; here a twentieth of each run is a step saved, and the first ten
steps are too, which PoorWeightInitialization is for.

Left out, always in its favour or for want of what they need: Overtraining (it advises a stop, and
speaks in every training that settles), Confusion (it speaks below 90 % accuracy), TensorVariance
(without defaults), NLPSequenceRatio and StalledTraining (not of such runs), SimilarAcrossRuns (of
two runs), the rules of XGBoost, and half of ClassImbalance: that a class is mispredicted.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmarks.doctor_observer import Step
from benchmarks.doctor_peers import Peer
from tests.zoo import Run

VANISHING = 1e-7  # mean |gradient|
INACTIVE, OF_LAYER = 0.01, 0.5  # a unit active less often is dead; this share of a layer
LIMITS = {nn.Tanh: (-9.4999, 9.4999), nn.Sigmoid: (-23.0, 16.99999)}  # of what goes in
VARIANCES, RANGE, PATIENCE, STEPS = 10.0, 1e-3, 5, 10  # PoorWeightInitialization
LARGE, SMALL, EPSILON = 10.0, 1e-8, 1e-9  # WeightUpdateRatio
UNCHANGED = 3  # saved steps
LOSS_STEPS = 10  # LossNotDecreasing
OVERFIT, OVERFIT_PATIENCE = 0.1, 1
IMBALANCE, SAMPLES = 10.0, 500
IMAGE_MEAN = 0.2


class SageMaker(Peer):
    name = "SageMaker Debugger"
    meanings: ClassVar = {
        "VanishingGradient": ("vanishing_gradient",),
        "ExplodingTensor": (
            *("nonfinite_loss", "exploding_gradient", "fp16_overflow"),
            *("nan_inputs", "lr_too_high"),
        ),
        "DeadRelu": ("dead_relu",),
        "SaturatedActivation": ("saturated_activations",),
        "PoorWeightInitialization": ("bad_init_scale", "symmetric_init", "exploding_gradient"),
        "WeightUpdateRatio large": ("lr_too_high", "exploding_gradient"),
        "WeightUpdateRatio small": (
            *("lr_too_low", "params_not_in_optimizer"),
            *("frozen_parameters", "graph_detached", "no_update"),
        ),
        "UnchangedTensor": (
            *("no_update", "params_not_in_optimizer", "frozen_parameters"),
            *("graph_detached", "lr_too_low"),
        ),
        "AllZero": ("symmetric_init",),
        "LossNotDecreasing": ("plateau", "underfitting", "lr_too_low", "lr_too_high"),
        "Overfit": ("overfitting",),
        "ClassImbalance": ("class_imbalance",),
        "CheckInputImages": ("unnormalised_inputs",),
    }

    def __init__(self) -> None:
        super().__init__()
        self.saved_losses: list[tuple[int, float]] = []
        self.compared = 0
        self.since_validation: list[float] = []
        self.overfitted = 0
        self.last_weights: dict[str, list[Tensor]] = {}
        self.least, self.waited = math.inf, 0
        self.labels: list[Tensor] = []
        self.pixels: list[float] = []

    def step(self, step: Step) -> None:
        self.at = step.at
        self.since_validation.append(step.loss)
        self._counts(step)
        if step.saved:
            self._gradients(step)
            self._activations(step)
            self._weights(step)
            self._initialisation(step)
            self._loss(step)

    def _gradients(self, step: Step) -> None:
        for gradient in step.gradients.values():
            self.say_if(gradient.abs().mean() < VANISHING, "VanishingGradient")
        tensors = (*step.gradients.values(), *step.after.values())
        finite = math.isfinite(step.loss) and all(bool(t.isfinite().all()) for t in tensors)
        self.say_if(not finite, "ExplodingTensor")

    def _activations(self, step: Step) -> None:
        for passed in step.passed.values():
            if passed.function is nn.ReLU:
                active = (passed.made > 0).float().mean(0)
                self.say_if(_share(active < INACTIVE) > OF_LAYER, "DeadRelu")
            elif passed.function in LIMITS:
                low, high = LIMITS[passed.function]
                active = ((passed.given > low) & (passed.given < high)).float().mean(0)
                self.say_if(_share(active < INACTIVE) > OF_LAYER, "SaturatedActivation")

    def _weights(self, step: Step) -> None:
        for name, weight in step.after.items():
            if not name.endswith("weight"):  # the collection is found by this name
                continue
            before = step.before[name]
            ratio = float((weight - before).abs().mean() / (before.abs().mean() + EPSILON))
            self.say_if(ratio > LARGE, "WeightUpdateRatio large")
            self.say_if(ratio < SMALL, "WeightUpdateRatio small")
            self.say_if(not weight.any(), "AllZero")
            kept = self.last_weights.setdefault(name, [])
            kept.append(weight)
            del kept[:-UNCHANGED]
            same = all(torch.allclose(kept[0], other) for other in kept[1:])
            self.say_if(len(kept) == UNCHANGED and same, "UnchangedTensor")

    def _initialisation(self, step: Step) -> None:
        if step.at > STEPS:
            return
        given = [p.given for p in step.passed.values() if p.function is nn.ReLU]
        self.say_if(_unlike(given), "PoorWeightInitialization")
        ranges = [_range(g) for g in step.gradients.values()]
        self.say_if(ranges and min(ranges) < RANGE, "PoorWeightInitialization")
        self.waited = 0 if step.loss < self.least else self.waited + 1
        self.least = min(self.least, step.loss)
        self.say_if(self.waited >= PATIENCE, "PoorWeightInitialization")

    def _loss(self, step: Step) -> None:
        """Against the newest loss that lies far enough behind, as often as that."""
        self.saved_losses.append((step.at, step.loss))
        behind = [loss for at, loss in self.saved_losses if at <= step.at - LOSS_STEPS]
        if behind and step.at - self.compared >= LOSS_STEPS:
            self.compared = step.at
            self.say_if(not step.loss < behind[-1], "LossNotDecreasing")

    def _counts(self, step: Step) -> None:
        """Classes and pixels of the first examples."""
        x, y = step.batch
        if isinstance(x, Tensor) and x.dim() == 4 and len(self.pixels) < SAMPLES:
            self.pixels += x.float().mean((1, 2, 3)).tolist()
            if len(self.pixels) >= SAMPLES:
                mean = sum(self.pixels) / len(self.pixels)
                self.say_if(abs(mean) > IMAGE_MEAN, "CheckInputImages")
        if isinstance(y, Tensor) and y.dtype == torch.long and y.dim() == 1:
            seen = sum(map(len, self.labels))
            if seen < SAMPLES <= seen + len(y):
                counts = torch.bincount(torch.cat([*self.labels, y]))
                present = counts[counts > 0]
                self.say_if(present.max() / present.min() > IMBALANCE, "ClassImbalance")
            self.labels.append(y)

    def validated(self, run: Run) -> None:
        if self.since_validation:
            training = sum(self.since_validation) / len(self.since_validation)
            over = (run.val_loss - training) / training > OVERFIT if training else False
            self.overfitted = self.overfitted + 1 if over else 0
            self.say_if(self.overfitted > OVERFIT_PATIENCE, "Overfit")
        self.since_validation = []


def _share(flags: Tensor) -> float:
    return float(flags.float().mean())


def _unlike(tensors: list[Tensor]) -> bool:
    variances = [float(t.var()) for t in tensors if t.numel() > 1]
    return len(variances) > 1 and max(variances) > VARIANCES * min(variances)


def _range(gradient: Tensor) -> float:
    """Between the percentiles 5 and 95."""
    ends = torch.tensor([0.05, 0.95])
    low, high = torch.quantile(gradient.flatten(), ends)
    return float(high - low)
