"""One layer over the whole training: its gradients, outputs, weights and updates, and how each is
distributed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diagnostics.doctor import examine
from diagnostics.few_records import few_records
from diagnostics.module_tree import NO_PARAMETERS, ROOT_NAME, module_tree
from diagnostics.run import FathomError, Run
from diagnostics.shown import Shown
from probes.recording import LOWEST_OCTAVE, TensorInfo

Floats = NDArray[np.float64]
RIDGES = 32  # histograms over time, at most: as many as an eye tells apart
NEGATIVE = "below zero"
LARGE = 200_000  # rows of statistics: of more an examination takes longer than all else here
NEAR = 5  # names offered for one that is not there


@dataclass(frozen=True)
class Curve:
    """One number over the steps: NaN where there is none, infinity where one was not finite."""

    name: str
    values: Floats  # [t]


@dataclass(frozen=True)
class Histograms:
    """How the elements of one tensor are spread over sizes, at some steps."""

    tensor: str
    lowest: int  # bin b holds sizes from 2^(lowest + b) up to twice that
    steps: NDArray[np.int64]  # [ridge]
    shares: NDArray[np.float32]  # [ridge, bin]  of all looked at; zeros are in none of the bins
    zeros: Floats  # [ridge]  share of all that are zero
    negatives: Floats  # [ridge]  share of all that are below zero


@dataclass(frozen=True)
class Strand:
    """One kind of what was recorded of the layer."""

    name: str  # "gradients"
    about: str  # what its curves are
    kind: Literal["magnitude", "share"]
    steps: NDArray[np.int64]  # [t]
    curves: tuple[Curve, ...]
    histograms: Histograms | None


@dataclass(frozen=True)
class LayerHistory(Shown):
    """What was recorded of one layer."""

    run: str
    layer: str
    module_type: str
    shapes: tuple[str, ...]  # of its parameters
    why: str  # the disease that made it the one to look at; "": it was asked for, or is the first
    strands: tuple[Strand, ...]


def layer_history(run: Run, layer: str | None = None) -> LayerHistory:
    """Of the layer named, or of the one that the worst verdict names, or of the first."""
    path, why = (_known(run, layer), "") if layer else _telling(run)
    tensors = [tensor for tensor in run.tensors.values() if tensor.module == path]
    parameters = [tensor for tensor in tensors if tensor.role not in NO_PARAMETERS]
    outputs = [tensor for tensor in tensors if tensor.role == "output"]
    strands = [*_of_parameters(run, parameters), *_of_outputs(run, outputs)]
    strands = [strand for strand in strands if _tells(strand)]
    if not strands:
        raise FathomError(
            f"nothing was seen of layer '{path or ROOT_NAME}' in '{run.path}' (recorded: "
            f"{', '.join(run.series) or 'nothing'}); it was not called, or not looked at."
        )
    return LayerHistory(
        run=run.name,
        layer=path or ROOT_NAME,
        module_type=tensors[0].module_type,
        shapes=tuple(f"{_short(t)} {t.shape}".strip() for t in parameters),
        why=why,
        strands=tuple(strands),
    )


def _known(run: Run, layer: str) -> str:
    """The module of that name; a tensor's name stands for the module it belongs to."""
    modules = {tensor.module or ROOT_NAME: tensor.module for tensor in run.tensors.values()}
    if layer in modules:
        return modules[layer]
    if layer in run.tensors:
        return run.tensors[layer].module
    raise FathomError(_unknown(run, layer, list(modules)))


def _unknown(run: Run, layer: str, known: list[str]) -> str:
    within = [name for name in known if name.startswith(f"{layer}.")]
    near = within[:NEAR] or get_close_matches(layer, known, NEAR, 0.5) or known[:NEAR]
    told = "inside it are" if within else "the nearest are"
    more = f" of {len(known)}" if len(known) > len(near) else ""
    return (
        f"no layer '{layer}' was recorded in '{run.path}' ({told}: {', '.join(near)}{more}); "
        "choose one from the tree."
    )


def _telling(run: Run) -> tuple[str, str]:
    """The layer to look at first, and why; a run that grows or is large is not examined for it."""
    modules = {tensor.module for tensor in run.tensors.values()}
    is_quick = run.state != "running" and run.records * len(run.tensors) < LARGE
    for finding in examine(run).findings if is_quick else ():
        for name in finding.layers:
            module = run.tensors[name].module if name in run.tensors else name
            if module in modules:
                return module, finding.disease
    layers = [module for module in module_tree(run).modules if module.module_type]
    if not layers:
        raise FathomError(f"no layer was recorded in '{run.path}' yet; wait for the first step.")
    return next((each for each in layers if each.shapes), layers[0]).path, ""


def _tells(strand: Strand) -> bool:
    values = [curve.values for curve in strand.curves]
    return any((~np.isnan(each)).any() for each in values) or strand.histograms is not None


def _of_parameters(run: Run, tensors: list[TensorInfo]) -> Iterator[Strand]:
    makers: dict[str, tuple[str, Callable[[Run, TensorInfo], Floats]]] = {
        "gradients": ("rms gradient", _gradient),
        "updates": ("update over weight", _ratio),
        "weights": ("rms of the weights", lambda run, t: _rms(run, "weights", t.name)),
    }
    for series, (about, of) in makers.items():
        seen = [t for t in tensors if t.size] if series in run.series else []
        if seen:
            curves = tuple(Curve(_short(tensor), of(run, tensor)) for tensor in seen)
            yield _strand(run, series, about, curves, seen[0])


def _of_outputs(run: Run, tensors: list[TensorInfo]) -> Iterator[Strand]:
    if not tensors:
        return
    if "activations" in run.series:
        curves = tuple(curve for tensor in tensors for curve in _sizes(run, tensor))
        yield _strand(run, "activations", "size of outputs", curves, tensors[0])
    if "activation_gradients" in run.series:
        series = "activation_gradients"
        curves = tuple(Curve(f"rms{_place(t)}", _rms(run, series, t.name)) for t in tensors)
        yield _strand(run, series, "rms gradient of outputs", curves, tensors[0])
    if "activations" in run.series:
        shares = [curve for curve in _shares(run, tensors[0]) if np.nan_to_num(curve.values).any()]
        steps, told = run.steps("activations"), [curve.name for curve in shares]
        if told not in ([], [NEGATIVE]):  # half of what lies around zero says nothing
            about = "share of outputs"
            yield Strand("shares of outputs", about, "share", steps, tuple(shares), None)


def _strand(
    run: Run, series: str, about: str, curves: tuple[Curve, ...], tensor: TensorInfo
) -> Strand:
    name = {"activations": "outputs", "activation_gradients": "gradients of outputs"}.get(series)
    steps, spread = run.steps(series), _histograms(run, series, tensor.name)
    return Strand(name or series, about, "magnitude", steps, curves, spread)


def _short(tensor: TensorInfo) -> str:
    """A parameter's name in its module."""
    return tensor.name.rpartition(".")[2]


def _place(output: TensorInfo) -> str:
    """Of several outputs of a module, which: "[1]"."""
    return output.name.removeprefix(output.module)


def _read(run: Run, series: str, name: str, *statistics: str) -> list[Floats]:
    return [run.column(series, statistic, [name])[:, 0] for statistic in statistics]


def _rms(run: Run, series: str, name: str) -> Floats:
    mean, std, *bad = _read(run, series, name, "mean", "std", "nan", "posinf", "neginf")
    return np.where(sum(bad) > 0, np.inf, np.hypot(mean, std))


def _gradient(run: Run, tensor: TensorInfo) -> Floats:
    """From its norm, which is of all elements."""
    norm, count = _read(run, "gradients", tensor.name, "norm", "count")
    size = np.nan_to_num(norm, nan=np.inf, posinf=np.inf) / np.sqrt(tensor.size)
    return np.where(count > 0, size, np.nan)


def _ratio(run: Run, tensor: TensorInfo) -> Floats:
    """At the steps of the updates; NaN where the weights were not looked at."""
    update = _rms(run, "updates", tensor.name)
    found = np.full(len(update), np.nan)
    if "weights" in run.series:
        both = run.steps("updates"), run.steps("weights")
        _, at, where = np.intersect1d(*both, return_indices=True)
        weight = _rms(run, "weights", tensor.name)[where]
        with np.errstate(divide="ignore", invalid="ignore"):
            found[at] = np.where(weight > 0, update[at] / weight, np.nan)
    return found


def _sizes(run: Run, tensor: TensorInfo) -> Iterator[Curve]:
    mean, std, *bad = _read(
        run, "activations", tensor.name, "mean", "std", "nan", "posinf", "neginf"
    )
    broken = sum(bad) > 0
    yield Curve(f"std{_place(tensor)}", np.where(broken, np.inf, std))
    yield Curve(f"|mean|{_place(tensor)}", np.where(broken, np.inf, np.abs(mean)))


def _shares(run: Run, tensor: TensorInfo) -> Iterator[Curve]:
    names = ("count", "zeros", "negatives", "low", "high")
    count, zeros, negatives, low, high = _read(run, "activations", tensor.name, *names)
    with np.errstate(divide="ignore", invalid="ignore"):
        yield Curve("zero", zeros / count)
        yield Curve(NEGATIVE, negatives / count)
        yield Curve("near a limit", np.nan_to_num((low + high) / count))
    yield Curve("dead units", _dead(run, tensor.module))


def _dead(run: Run, module: str) -> Floats:
    """Share of units that never fired between two counts; nothing before the first."""
    name, steps = f"firing/{module}", run.steps("activations")
    if name not in run.array_names:
        return np.zeros(len(steps))
    track = max(run.arrays(name), key=lambda track: len(track.steps))
    place = np.searchsorted(track.steps, steps, side="right") - 1
    dead = (track.values[:, :, 0] == 0).mean(1)
    return np.where(place >= 0, dead[place.clip(0)], 0.0)


def _histograms(run: Run, series: str, name: str) -> Histograms | None:
    """Of some records, evenly spread over those that have one; None if none has."""
    counts = run.histogram(series, name)  # [t, bin]
    total = counts.sum(1)
    counts[:, 0] = 0  # the zeros, and what is as good as that
    there = np.flatnonzero(counts.sum(1))
    if not len(there):
        return None
    records = there[few_records(len(there), RIDGES)]
    count, zeros, negatives = _read(run, series, name, "count", "zeros", "negatives")
    return Histograms(
        tensor=name,
        lowest=LOWEST_OCTAVE,
        steps=run.steps(series)[records],
        shares=(counts[records] / total[records, None]).astype(np.float32),
        zeros=(zeros / count)[records],
        negatives=(negatives / count)[records],
    )
