"""How signal and gradient grow or fade through the layers, beside what theory expects of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.few_records import few_records
from diagnostics.mean_field import FUNCTIONS, let_back, passed_on, scatter, scheme, variance
from diagnostics.run import FathomError, Run
from diagnostics.shown import Shown
from diagnostics.signs.activity import activity
from diagnostics.signs.settings import settings
from diagnostics.signs.wiring import wiring
from probes.recording import TensorInfo

Floats = NDArray[np.float64]
NORMS = (  # after one of these a signal's mean square is 1, whatever it was
    *("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm", "RMSNorm"),
    *("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"),
)
DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d")
MOST_LOOKS = 24  # records between which one can go to and fro
NOT_A_WIDTH = 1  # a layer of one unit says nothing of its scatter


@dataclass(frozen=True)
class SignalDepth(Shown):
    """Layers with a weight matrix, in the order of the forward pass; what they give before any
    function. Theory starts from what was measured wherever it knows not what comes in: there its
    deviation is zero. NaN where nothing is known.
    """

    run: str
    layers: tuple[str, ...]
    schemes: tuple[str, ...]  # whose initialisation suits what the layer is given; "" if unknown
    steps: tuple[int, int]  # first record, and last in which the outputs were finite
    forward: Floats  # [2, layer]  rms of outputs at these steps
    forward_theory: Floats  # [layer]  rms, of weights drawn by that scheme
    forward_sd: Floats  # [layer]  of its natural logarithm, from draw to draw
    gradient: str  # of what: "outputs", "weights", or "" where neither was recorded
    backward: Floats  # [2, layer]  rms of that gradient
    backward_theory: Floats  # [layer]
    backward_sd: Floats  # [layer]
    looks: NDArray[np.int64]  # [look]  steps of some records, from the first to the last of all
    forward_at: Floats  # [look, layer]  rms of outputs then
    backward_at: Floats  # [look, layer]  and of that gradient


def signal_depth(run: Run) -> SignalDepth:
    """At the first record and at the last."""
    seen = activity(run)
    if seen is None:
        raise FathomError(
            f"outputs of layers are not recorded in '{run.path}' (it has: "
            f"{', '.join(run.series) or 'nothing'}); add probes.Activations() to the Recorder."
        )
    places = _weighty(run, seen.outputs)
    if not places or not len(seen.steps):
        raise FathomError(f"no layer of '{run.path}' with a weight matrix gave a finite output.")
    outputs = [seen.outputs[place] for place in places]
    rms = seen.rms[:, places]
    records = [0, _last_whole(rms)]
    forward, steps = rms[records], seen.steps[records]
    kind, backward = _gradients(run, outputs, steps)
    among = np.union1d(few_records(len(rms), MOST_LOOKS), records)
    looks = seen.steps[among]
    links = _links(run, outputs)
    theory, deviation = _expected(links, outputs, forward[0])
    back, back_deviation = (np.full(len(outputs), np.nan),) * 2
    if kind == "outputs":
        back, back_deviation = _expected_back(links, outputs, theory, backward[0])
    return SignalDepth(
        run=run.name,
        layers=tuple(output.name for output in outputs),
        schemes=tuple(link.scheme if link else "" for link in links),
        steps=(int(steps[0]), int(steps[1])),
        forward=forward,
        forward_theory=theory,
        forward_sd=deviation,
        gradient=kind,
        backward=backward,
        backward_theory=back,
        backward_sd=back_deviation,
        looks=looks,
        forward_at=rms[among],
        backward_at=_gradients(run, outputs, looks)[1],
    )


def _last_whole(rms: Floats) -> int:
    """The last record in which every layer that ever gives something finite does so."""
    some = np.isfinite(rms).any(0)
    whole = np.flatnonzero(np.isfinite(rms[:, some]).all(1))
    return int(whole[-1]) if len(whole) else len(rms) - 1


@dataclass(frozen=True)
class Link:
    """What lies between a layer and what feeds it."""

    source: int  # the layer that feeds it; -1: a normalisation
    functions: tuple[str, ...]  # from there on
    kept: float  # share of units that dropout keeps

    @property
    def scheme(self) -> str:
        return scheme(self.bent)

    @property
    def bent(self) -> str:
        """The function that shapes what the layer is given."""
        return next((f for f in reversed(self.functions) if f not in STRAIGHT), "Identity")


STRAIGHT = ("Identity", "Flatten", "Unflatten")


def _weighty(run: Run, outputs: tuple[TensorInfo, ...]) -> list[int]:
    weighty = {t.module for t in run.parameters.values() if t.role == "matrix"}
    first: dict[str, int] = {}
    for place, output in enumerate(outputs):
        if output.module in weighty:
            first.setdefault(output.module, place)
    return list(first.values())


def _links(run: Run, outputs: list[TensorInfo]) -> list[Link | None]:
    """None where what feeds a layer is not known, or of no known effect."""
    wires = wiring(run) or {}
    types = {t.module: t.module_type for t in run.tensors.values()}
    told = settings(run)
    drops = told[0].modules("p") if told else {}
    places = {output.module: n for n, output in enumerate(outputs)}
    return [_link(output.module, wires, types, (places, drops)) for output in outputs]


def _link(
    layer: str,
    wires: Mapping[str, str],
    types: Mapping[str, str],
    known: tuple[Mapping[str, int], Mapping[str, float]],
) -> Link | None:
    places, drops = known
    functions: list[str] = []
    kept, seen = 1.0, {layer}
    while (layer := wires.get(layer, "")) and layer not in seen:
        seen.add(layer)
        kind = types.get(layer, "")
        if layer in places or kind in NORMS:
            return Link(places.get(layer, -1), tuple(reversed(functions)), kept)
        if kind in DROPOUTS:
            kept *= 1 - float(drops.get(layer, 0.0))
        elif kind in FUNCTIONS:
            functions.append(kind)
        else:
            return None
    return None


def _expected(
    links: list[Link | None], outputs: list[TensorInfo], measured: Floats
) -> tuple[Floats, Floats]:
    """rms and deviation of every layer's output, from the first that is known on."""
    squares, scatters = measured.copy() ** 2, np.zeros(len(links))
    for n, link in enumerate(links):
        if link is None or link.source >= n or link.kept <= 0:
            continue
        square = squares[link.source] if link.source >= 0 else 1.0
        for function in link.functions:
            square = passed_on(function, square)
        squares[n] = square * variance(link.bent) / link.kept
        inherited = scatters[link.source] if link.source >= 0 else 0.0
        scatters[n] = inherited + _scatter(link, outputs[n])
    return np.sqrt(squares), np.sqrt(scatters) / 2


def _expected_back(
    links: list[Link | None], outputs: list[TensorInfo], forward: Floats, measured: Floats
) -> tuple[Floats, Floats]:
    """The same from the last layer back, along layers that feed one other and no more."""
    squares, scatters = measured.copy() ** 2, np.zeros(len(links))
    fed: dict[int, list[int]] = {}
    for n, link in enumerate(links):
        if link is not None and link.source >= 0:
            fed.setdefault(link.source, []).append(n)
    for source in sorted(fed, reverse=True):
        (after, *others), link = fed[source], links[fed[source][0]]
        if others or link is None or after <= source:
            continue
        square, slope = forward[source] ** 2, variance(link.bent) / link.kept
        for function in link.functions:
            slope *= let_back(function, square)
            square = passed_on(function, square)
        fans = _width(outputs[after]) / _width(outputs[source])
        squares[source] = squares[after] * slope * fans
        scatters[source] = scatters[after] + _scatter(link, outputs[source])
    return np.sqrt(squares), np.sqrt(scatters) / 2


def _scatter(link: Link, output: TensorInfo) -> float:
    return scatter(link.bent, max(1, _width(output)))


def _width(output: TensorInfo) -> int:
    """Units, or channels: the second axis of an image, the last of anything else."""
    axes = [int(n) for n in output.shape.split("x") if n]
    if len(axes) < 2:
        return NOT_A_WIDTH
    return axes[1] if output.module_type.startswith("Conv") else axes[-1]


def _gradients(run: Run, outputs: list[TensorInfo], steps: NDArray[np.int64]) -> tuple[str, Floats]:
    """Those of outputs if they were recorded, else those of the weights."""
    names = [output.name for output in outputs]
    if "activation_gradients" in run.series:
        mean, std = (run.column("activation_gradients", kind, names) for kind in ("mean", "std"))
        return "outputs", _near(run.steps("activation_gradients"), np.hypot(mean, std), steps)
    if "gradients" not in run.series:
        return "", np.full((len(steps), len(names)), np.nan)
    matrices = {t.module: t for t in run.parameters.values() if t.role == "matrix"}
    tensors = [matrices[output.module] for output in outputs]
    norms = run.column("gradients", "norm", [tensor.name for tensor in tensors])
    rms = norms / np.sqrt([tensor.size for tensor in tensors])
    return "weights", _near(run.steps("gradients"), rms, steps)


def _near(records: NDArray[np.int64], rms: Floats, steps: NDArray[np.int64]) -> Floats:
    """The records nearest to these steps."""
    if not len(records):
        return np.full((len(steps), rms.shape[1]), np.nan)
    return rms[[int(np.abs(records - step).argmin()) for step in steps]]
