"""How far apart two runs are, step by step, in each thing that both recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import Run, Scalar
from diagnostics.signs.losses import losses
from probes.recording import TensorInfo

# In the order in which a step makes them: what differs first brings the rest.
Kind = Literal[
    "inputs",
    "activations",
    "loss",
    "activation_gradients",
    "gradients",
    "optimizer_state",
    "updates",
    "weights",
    "validation",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
BACKWARD = ("activation_gradients", "gradients")  # made from the output back
SERIES: dict[Kind, tuple[str, ...]] = {  # and the roles of the tensors in it
    "activations": ("output",),
    "activation_gradients": ("output",),
    "gradients": ("matrix", "bias", "norm", "embedding", "other"),
    "optimizer_state": ("state",),
    "updates": ("matrix", "bias", "norm", "embedding", "other"),
    "weights": ("matrix", "bias", "norm", "embedding", "other"),
}  # a bias that is cancelled has a gradient of rounding alone
INPUTS = ("batches/size", "batches/input_", "batches/label_", "batches/target_")
MOMENTS = ("mean", "std", "min", "max")
SAMPLE = 4096  # elements: of a larger tensor as many are looked at, at each record others
LEAST = 1e-12  # told of what differs by less, in proportion to its size

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Trail:
    """One kind of thing; `distance` is 0 where two are the same bit for bit, NaN if not known."""

    kind: Kind
    names: tuple[str, ...]
    layers: tuple[str, ...]  # [name]  the module; "" for what belongs to none
    steps: Integers  # [t]  that both recorded
    distance: Floats  # [t, name]


def trails(a: Run, b: Run) -> list[Trail]:
    """In the order in which a step makes them; names in that order too."""
    found = [*_input_trails(a, b), *_loss_trails(a, b)]
    found += [_tensors(a, b, kind) for kind in SERIES if kind in a.series and kind in b.series]
    kept = [trail for trail in found if trail.names and len(trail.steps)]
    return sorted(kept, key=lambda trail: KINDS.index(trail.kind))


def common_tensors(a: Run, b: Run) -> list[TensorInfo]:
    """Of the same name, and if they are parameters of the same shape."""
    there = b.tensors
    return [t for t in a.tensors.values() if t.name in there and _alike(t, there[t.name])]


def _alike(one: TensorInfo, other: TensorInfo) -> bool:
    return one.role == other.role and (one.role == "output" or one.shape == other.shape)


def _tensors(a: Run, b: Run, kind: Kind) -> Trail:
    tensors = [t for t in common_tensors(a, b) if t.role in SERIES[kind] and t.size]
    tensors = tensors[::-1] if kind in BACKWARD else tensors
    mine, theirs = a.steps(kind), b.steps(kind)
    steps, here, there = np.intersect1d(mine, theirs, return_indices=True)
    looks = [_Looks(a, kind, tensors, here), _Looks(b, kind, tensors, there)]
    alike = same_looks(mine, theirs, here, there) & _same_starts(a, b, steps)
    distance = _distance(looks[0], looks[1], _fair(looks, tensors, alike))
    seen = np.flatnonzero(~np.isnan(distance).all(axis=0))
    kept = [tensors[n] for n in seen]
    names, layers = (tuple(getattr(t, what) for t in kept) for what in ("name", "module"))
    return Trail(kind, names, layers, steps, distance[:, seen])


class _Looks:
    """A run's statistics at some of its records, read when asked for."""

    def __init__(
        self, run: Run, kind: Kind, tensors: Sequence[TensorInfo], records: Integers
    ) -> None:
        self._run, self._kind, self._records = run, kind, records
        self._names = [tensor.name for tensor in tensors]
        self.count = self.of("count")

    def of(self, statistic: str) -> Floats:
        return self._run.column(self._kind, statistic, self._names)[self._records]


def same_looks(
    mine: Integers, theirs: Integers, here: Integers, there: Integers
) -> NDArray[np.bool_]:
    """Which elements of a large tensor are looked at goes by the number of the record: the same
    ones where both runs recorded the same steps so far."""
    length = min(len(mine), len(theirs))
    unlike = np.flatnonzero(mine[:length] != theirs[:length])
    until = int(unlike[0]) if len(unlike) else length
    return np.asarray((here == there) & (here < until))


def _same_starts(a: Run, b: Run, steps: Integers) -> NDArray[np.bool_]:
    """A resumed run counts its records anew."""
    resumed = [{e.step for e in run.events if e.kind == "resumed"} for run in (a, b)]
    unlike = resumed[0] ^ resumed[1]
    return steps <= min(unlike) if unlike else np.ones(len(steps), bool)


def _fair(
    looks: Sequence[_Looks], tensors: Sequence[TensorInfo], alike: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """[t, tensor]  Where both looked at the same elements: at all of them, or at the same ones."""
    whole = np.array([t.role != "output" and t.size <= SAMPLE for t in tensors], bool)
    few = (looks[0].count < SAMPLE) & (looks[1].count < SAMPLE)
    return np.asarray(alike[:, None] | whole[None, :] | few)


def _distance(a: _Looks, b: _Looks, fair: NDArray[np.bool_]) -> Floats:
    """The largest difference of any moment, in units of the tensor's rms; of norms of the norm."""
    both = (a.count > 0) & (b.count > 0)
    mine, theirs = ({name: run.of(name) for name in MOMENTS} for run in (a, b))
    size = np.fmax(_rms(mine), _rms(theirs))
    found = np.full(fair.shape, np.nan)
    for name in MOMENTS:
        apart = relative(mine[name], theirs[name], size)
        found = np.fmax(found, np.where(fair & both, apart, np.nan))
    norms = a.of("norm"), b.of("norm")
    apart = relative(*norms, np.fmax(*np.abs(norms)))
    found = np.fmax(found, np.where(both & ~np.isnan(norms).any(axis=0), apart, np.nan))
    broken = a.of("nan") != b.of("nan")
    return np.where(broken & fair & both, np.inf, found)


def _rms(moments: dict[str, Floats]) -> Floats:
    return np.asarray(np.sqrt(moments["mean"] ** 2 + moments["std"] ** 2))


def relative(a: Floats, b: Floats, size: Floats) -> Floats:
    """The difference in units of a size: 0 only if there is none, infinity if one is no number."""
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.fmax(np.abs(a - b) / size, LEAST)
    apart = np.where(np.isfinite(a) & np.isfinite(b) & np.isfinite(apart), apart, np.inf)
    return np.where(same, 0.0, apart)


def _loss_trails(a: Run, b: Run) -> Iterator[Trail]:
    """Losses are logged more often than tensors are looked at: they narrow the step down."""
    mine, theirs = losses(a), losses(b)
    pairs: tuple[tuple[Kind, Scalar | None, Scalar | None], ...] = (
        ("loss", mine.training, theirs.training),
        ("validation", mine.validation, theirs.validation),
    )
    for kind, one, other in pairs:
        if one is not None and other is not None and one.name == other.name:
            yield _scalars(kind, one, other)


def _input_trails(a: Run, b: Run) -> Iterator[Trail]:
    """What the batches are like; of large ones a sample is looked at."""
    for name in a.scalar_names:
        if name.startswith(INPUTS) and name in b.scalar_names:
            one, other = a.scalar(name), b.scalar(name)
            yield _scalars("inputs", one, other, sampled=name != "batches/size")


def _scalars(kind: Kind, one: Scalar, other: Scalar, *, sampled: bool = False) -> Trail:
    steps, here, there = np.intersect1d(one.steps, other.steps, return_indices=True)
    mine, theirs = one.values[here], other.values[there]
    distance = relative(mine, theirs, np.fmax(np.abs(mine), np.abs(theirs)))
    if sampled:
        alike = same_looks(one.steps, other.steps, here, there)
        distance = np.where(alike, distance, np.nan)
    return Trail(kind, (one.name,), ("",), steps, distance[:, None])
