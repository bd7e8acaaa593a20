"""How the gradient's size changes with depth, at every recorded step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from diagnostics.run import Run
from diagnostics.shown import Shown
from probes.recording import TensorInfo

Parameters = Literal["weight", "bias", "all"]
ROUNDING = 1e-4  # of a weight's gradient norm: what is left of a bias's that cancels


@dataclass(frozen=True)
class GradientFlow(Shown):
    """The gradient's size for each layer and step; layers in the order of the forward pass.

    NaN in `rms` and `norm` means that the layer had no gradient at that step; infinity, that the
    gradient held a NaN or an infinity.
    """

    run: str  # the run's name
    parameters: Parameters  # which parameters of a layer were looked at
    state: str  # in which state the gradients were, in words
    layers: tuple[str, ...]
    module_types: tuple[str, ...]
    in_profile: NDArray[np.bool_]  # [layer]  has a weight matrix: counts for the decay
    steps: NDArray[np.int64]  # [t]
    rms: NDArray[np.float64]  # [t, layer]
    norm: NDArray[np.float64]  # [t, layer]
    # [t]  factor a layer towards the input; below 1 the gradient shrinks
    decay: NDArray[np.float64]
    decay_low: NDArray[np.float64]  # [t]  its confidence interval
    decay_high: NDArray[np.float64]  # [t]
    first_to_last: NDArray[np.float64]  # [t]  rms of the first layer in the profile over the last's
    confidence: float  # of the interval, e.g. 0.95
    frozen: tuple[str, ...]  # parameters that do not require a gradient
    unused: tuple[str, ...]  # parameters that require one and never got it
    cancelled: tuple[str, ...]  # biases before a normalisation: their gradient is exactly zero


def gradient_flow(
    run: Run,
    parameters: Parameters = "weight",
    *,
    output: bool = True,
    confidence: float = 0.95,
) -> GradientFlow:
    """The size of each layer's gradient, and how it decays from layer to layer.

    A layer's gradient is that of its weights, of its biases, or of all its parameters. The decay
    is taken over the layers that have a weight matrix, from the output back to the input: the
    geometric mean of the ratio from one such layer to the one before it. Its interval is Student's
    over the logarithms of these ratios: a random initialisation makes them independent and nearly
    normal. The output layer is often drawn otherwise than the rest; with `output=False` it stays
    out of the profile.
    """
    cancelled = _cancelled(run)
    found = run.parameters.values()
    tensors = [t for t in found if t.name not in cancelled and _counts(t, parameters)]
    sizes = _layer_sizes(run, tensors, output=output)
    return GradientFlow(
        run=run.name,
        parameters=parameters,
        state=run.info.get("series", {}).get("gradients", ""),
        steps=run.steps("gradients"),
        **sizes,
        **_depth_decay(sizes["rms"][:, sizes["in_profile"]], confidence),
        confidence=confidence,
        frozen=tuple(t.name for t in found if not t.trainable),
        unused=_never_reached(run),
        cancelled=cancelled,
    )


class _Sizes(TypedDict):
    """Each layer, and its gradient at each step."""

    layers: tuple[str, ...]
    module_types: tuple[str, ...]
    in_profile: NDArray[np.bool_]
    rms: NDArray[np.float64]
    norm: NDArray[np.float64]


class _Decay(TypedDict):
    """What becomes of the gradient on its way through the profile, at each step."""

    decay: NDArray[np.float64]
    decay_low: NDArray[np.float64]
    decay_high: NDArray[np.float64]
    first_to_last: NDArray[np.float64]


def _layer_sizes(run: Run, tensors: list[TensorInfo], *, output: bool) -> _Sizes:
    types = {tensor.module: tensor.module_type for tensor in reversed(tensors)}  # the first's wins
    layers = tuple(dict.fromkeys(tensor.module for tensor in tensors))
    norm, size = _by_layer(_norms(run, tensors), tensors, layers)
    return {
        "layers": tuple(layer or "(model)" for layer in layers),
        "module_types": tuple(types[layer] for layer in layers),
        "in_profile": _profile(layers, tensors, output=output),
        "rms": norm / np.sqrt(size),
        "norm": norm,
    }


def _depth_decay(rms: NDArray[np.float64], confidence: float) -> _Decay:
    """Of the layers in the profile alone."""
    decay, low, high = _geometric_mean(_log_ratios(rms), confidence)
    ends = _first_to_last(rms)
    return {"decay": decay, "decay_low": low, "decay_high": high, "first_to_last": ends}


def _counts(tensor: TensorInfo, parameters: Parameters) -> bool:
    """A frozen tensor has no gradient, an empty one no size."""
    if not tensor.trainable or tensor.size == 0:
        return False
    is_bias = tensor.role in ("bias", "cancelled")
    return parameters == "all" or is_bias == (parameters == "bias")


def _cancelled(run: Run) -> tuple[str, ...]:
    """Biases that run straight into a normalisation, and whose gradient is indeed nothing.

    A skip around the normalisation, or its running statistics, would let the gradient through.
    """
    names = [tensor.name for tensor in run.parameters.values() if tensor.role == "cancelled"]
    weights = [name.removesuffix("bias") + "weight" for name in names]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = run.column("gradients", "norm", names) / run.column("gradients", "norm", weights)
    usual = [np.nanmedian(column) if np.isfinite(column).any() else 0.0 for column in share.T]
    return tuple(name for name, part in zip(names, usual, strict=True) if part < ROUNDING)


def _profile(
    layers: tuple[str, ...], tensors: list[TensorInfo], *, output: bool
) -> NDArray[np.bool_]:
    """The layers that the decay is taken over; the last of them only if the output counts."""
    weighty = {t.module for t in tensors if t.role in ("matrix", "bias", "cancelled")}
    in_profile = np.array([layer in weighty for layer in layers], bool)
    if not output:
        in_profile[np.flatnonzero(in_profile)[-1:]] = False
    return in_profile


def _norms(run: Run, tensors: list[TensorInfo]) -> NDArray[np.float64]:
    """NaN where there was no gradient, infinity where it was not finite."""
    names = [tensor.name for tensor in tensors]
    norms = run.column("gradients", "norm", names)
    there = run.column("gradients", "count", names) > 0
    return np.where(there, np.nan_to_num(norms, nan=np.inf, posinf=np.inf), np.nan)


def _by_layer(
    norms: NDArray[np.float64], tensors: list[TensorInfo], layers: tuple[str, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Norm and number of elements of each layer's gradient; tensors without one count for none."""
    there = ~np.isnan(norms.T)  # [tensor, t]
    squared = np.where(there, np.ascontiguousarray(norms.T), 0.0) ** 2
    place = {layer: n for n, layer in enumerate(layers)}
    squares, sizes = np.zeros((2, len(layers), len(norms)))
    for n, tensor in enumerate(tensors):
        squares[place[tensor.module]] += squared[n]
        sizes[place[tensor.module]] += tensor.size * there[n]
    norm = np.where(sizes > 0, np.sqrt(squares), np.nan)
    return np.ascontiguousarray(norm.T), np.ascontiguousarray(np.where(sizes > 0, sizes, 1).T)


def _log_ratios(rms: NDArray[np.float64]) -> NDArray[np.float64]:
    """log of each layer's gradient over that of the next layer: below 0 where it shrinks."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.diff(np.log(rms), axis=1) * -1.0  # [t, layer - 1]


def _first_to_last(rms: NDArray[np.float64]) -> NDArray[np.float64]:
    if not rms.shape[1]:
        return np.full(len(rms), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return rms[:, 0] / rms[:, -1]


def _geometric_mean(
    logs: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean factor at each step with Student's interval."""
    count = logs.shape[1]
    if count == 0:
        nothing = np.full(len(logs), np.nan)
        return nothing, nothing, nothing
    with np.errstate(invalid="ignore", over="ignore"):
        mean = logs.mean(axis=1)
        if count < 2:
            return np.exp(mean), np.zeros_like(mean), np.full_like(mean, np.inf)
        error = logs.std(axis=1, ddof=1) / np.sqrt(count)
        reach = stdtrit(count - 1, (1 + confidence) / 2) * error
        return np.exp(mean), np.exp(mean - reach), np.exp(mean + reach)


def _never_reached(run: Run) -> tuple[str, ...]:
    """Parameters that require a gradient and were never given one."""
    names = [tensor.name for tensor in run.parameters.values() if tensor.trainable]
    counts = run.column("gradients", "count", names)
    reached = np.nan_to_num(counts).sum(axis=0) > 0
    return tuple(name for name, there in zip(names, reached.tolist(), strict=True) if not there)
