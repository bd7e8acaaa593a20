"""Every quantity that was recorded of the layers, as layer by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diagnostics.activation_health import activation_health
from diagnostics.layer_rows import LayerRows, layer_rows, unsound
from diagnostics.run import FathomError, Run
from diagnostics.shown import Shown
from probes.recording import TensorInfo

Kind = Literal["magnitude", "signed", "share", "count"]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quantity:
    """One quantity of all layers that have it, in the order of the forward pass.

    NaN where a layer was not looked at; infinity where it held a NaN or an infinity.
    """

    name: str  # in a word or two
    about: str  # in full
    kind: Kind
    layers: tuple[str, ...]
    steps: NDArray[np.int64]  # [t]
    values: NDArray[np.float32]  # [t, layer]


@dataclass(frozen=True)
class DepthMap(Shown):
    """What the layers looked like at every recorded step."""

    run: str
    quantities: tuple[Quantity, ...]

    def quantity(self, name: str = "") -> Quantity:
        """By its name; the first without one."""
        found = [each for each in self.quantities if name in ("", each.name)]
        if found:
            return found[0]
        known = ", ".join(each.name for each in self.quantities)
        raise FathomError(f"no quantity '{name}' of layers in '{self.run}' (it has: {known}).")


def depth_map(run: Run) -> DepthMap:
    """Of outputs, their gradients, weights, their gradients and updates: what there is."""
    makers = (_outputs, _units, _output_gradients, _parameters, _ratio, _optimizer, _not_finite)
    found = [quantity for make in makers for quantity in make(run) if _tells(quantity)]
    if not found:
        raise FathomError(
            f"no layer was looked at in '{run.path}' (it has: {', '.join(run.series) or 'none'}); "
            "record with probes.Activations(), probes.Gradients() or probes.Weights()."
        )
    return DepthMap(run.name, tuple(found))


def _tells(quantity: Quantity) -> bool:
    """Whether it has a value, and one that is not simply nothing."""
    values = quantity.values
    if not values.size or np.isnan(values).all():
        return False
    return quantity.kind in ("magnitude", "signed") or bool(np.nan_to_num(values).any())


@dataclass(frozen=True)
class _Look:
    """At one series of the layers, and where it held what is no number."""

    run: Run
    series: str
    layers: tuple[str, ...]
    bad: NDArray[np.bool_]  # [t, layer]

    def quantity(self, told: tuple[str, str], kind: Kind, values: Floats) -> Quantity:
        """Under its name, and what that means."""
        steps = self.run.steps(self.series)
        return Quantity(*told, kind, self.layers, steps, _marked(values, self.bad))


def _outputs(run: Run) -> Iterator[Quantity]:
    if "activations" not in run.series:
        return
    look, read = _look(run, "activations")
    about = "standard deviation of outputs"
    yield look.quantity(("output std", about), "magnitude", read("std"))
    yield look.quantity(("output mean", "mean of outputs"), "signed", read("mean"))
    largest = np.fmax(np.abs(read("min")), np.abs(read("max")))
    about = "largest output, whatever its sign"
    yield look.quantity(("output max", about), "magnitude", largest)
    with np.errstate(divide="ignore", invalid="ignore"):
        zeros = read("zeros") / read("count")
    yield look.quantity(("zeros", "share of outputs that are zero"), "share", zeros)


def _look(run: Run, series: str) -> tuple[_Look, Callable[[str], Floats]]:
    """At what was given, or came back; with what reads a statistic of it."""
    layers = [name for name, tensor in run.tensors.items() if tensor.role == "output"]
    bad = unsound(run, series, layers) > 0
    return _Look(run, series, tuple(layers), bad), partial(run.column, series, tensors=layers)


def _units(run: Run) -> Iterator[Quantity]:
    """Of functions that can go silent, or flat."""
    try:
        health = activation_health(run)
    except FathomError:
        return
    dead, flat = health.dead.astype(np.float32), health.saturated.astype(np.float32)
    about = "share of units that gave nothing but zero"
    yield Quantity("dead", about, "share", health.rectifiers, health.steps, dead)
    about = "share of outputs near a limit of their function"
    yield Quantity("saturated", about, "share", health.bounded, health.steps, flat)


def _output_gradients(run: Run) -> Iterator[Quantity]:
    if "activation_gradients" not in run.series:
        return
    look, read = _look(run, "activation_gradients")
    size = np.hypot(read("mean"), read("std"))
    about = "rms of the gradient with respect to outputs"
    yield look.quantity(("output gradient", about), "magnitude", size)


def _parameters(run: Run) -> Iterator[Quantity]:
    if "gradients" in run.series:
        rows = layer_rows(t for t in run.parameters.values() if t.trainable)
        size, bad = _gradient(run, rows)
        look = _Look(run, "gradients", rows.layers, bad)
        yield look.quantity(("gradient", "rms gradient of the weights"), "magnitude", size)
    if "weights" in run.series:
        rows = layer_rows(run.parameters.values())
        look = _Look(run, "weights", rows.layers, rows.unsound(run, "weights"))
        told = ("weight", "rms of the weights")
        yield look.quantity(told, "magnitude", rows.rms(run, "weights"))


def _gradient(run: Run, rows: LayerRows) -> tuple[Floats, NDArray[np.bool_]]:
    """From norms: those are of all elements."""
    norms, count = (run.column("gradients", kind, rows.names) for kind in ("norm", "count"))
    there = count > 0
    squares = np.where(there, norms**2 / rows.sizes, np.nan)
    bad = rows.total((there & ~np.isfinite(norms)).astype(float)) > 0
    return rows.mean_square(squares), bad


def _ratio(run: Run) -> Iterator[Quantity]:
    if not {"updates", "weights"} <= set(run.series):
        return
    rows = layer_rows(t for t in run.parameters.values() if t.trainable)
    steps = np.intersect1d(run.steps("updates"), run.steps("weights"))
    at = {series: np.isin(run.steps(series), steps) for series in ("updates", "weights")}
    update, weight = (rows.rms(run, series)[at[series]] for series in at)
    bad = rows.unsound(run, "updates")[at["updates"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(weight > 0, update / weight, np.nan)
    about = "rms of the update over rms of the weights"
    values = _marked(ratio, bad)
    yield Quantity("update ratio", about, "magnitude", rows.layers, steps, values)


def _optimizer(run: Run) -> Iterator[Quantity]:
    """Each thing that the optimizer remembers of the weights."""
    series = "optimizer_state"
    for kind, tensors in _remembered(run).items() if series in run.series else ():
        rows = layer_rows(tensors)
        look = _Look(run, series, rows.layers, rows.unsound(run, series))
        told = (kind, f"rms of the optimizer's {kind}")
        yield look.quantity(told, "magnitude", rows.rms(run, series))


def _remembered(run: Run) -> dict[str, list[TensorInfo]]:
    """Of the weights, by what it is."""
    weights = set(layer_rows(run.parameters.values()).names)
    kinds: dict[str, list[TensorInfo]] = {}
    for name, tensor in run.tensors.items():
        of, _, kind = name.rpartition(":")
        if tensor.role == "state" and of in weights:
            kinds.setdefault(kind, []).append(tensor)
    return kinds


def _not_finite(run: Run) -> Iterator[Quantity]:
    if "activations" not in run.series:
        return
    look, _ = _look(run, "activations")
    count = unsound(run, look.series, list(look.layers))
    about = "sampled outputs that were NaN or infinite"
    yield replace(look, bad=count < 0).quantity(("not finite", about), "count", count)


def _marked(values: Floats, bad: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Infinite where something was not finite; half the room, for no eye sees the difference."""
    with np.errstate(over="ignore"):
        return np.where(bad, np.inf, values).astype(np.float32)
