"""The function that a network is, step by step, beside the one it should become.

As predicted in training (probes.Outputs), or computed again at each snapshot, for any inputs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from diagnostics.run import Run
from diagnostics.shown import Shown
from diagnostics.weight_space import About, Floats
from probes.folder import FathomError
from probes.program_file import TENSORS, has_program, program_text
from probes.recording import Track
from probes.snapshot_file import read_alone

if TYPE_CHECKING:
    from diagnostics.subject import Subject

Array = NDArray[Any]
INPUT, CIRCLE, CHOSEN = "the input", "the angle on the circle, in turns", "the places given"
NO_LINE = "the number of the example"
BINARY = "binary_cross_entropy_with_logits."  # as a program names that loss
RECORDED, COMPUTED, GIVEN = "predicted in training", "computed at snapshots", "given"


@dataclass(frozen=True)
class LearnedFunction(Shown):
    """What the network gives for the same inputs at each step."""

    run: str  # the run's name; "" of arrays in memory
    about: About | None  # of what it was computed again; None of recorded predictions
    source: str  # where the values are from, in words
    outputs: (
        str  # what they are: "outputs", or "probabilities" where the target is classes or chances
    )
    steps: NDArray[np.int64]  # [t]  optimizer steps done
    inputs: Floats  # [example, feature]
    axis: str  # what `places` is, in words
    places: Floats  # [example]  on a line; the number of the example if on none
    values: Floats  # [t, example, output]
    target: Floats  # [example, output]; NaN where it is not known

    @property
    def has_target(self) -> bool:
        return bool(np.isfinite(self.target).all())

    @property
    def error(self) -> Floats:
        """The mean squared distance to the target: [t]"""
        found: Floats = ((self.values - self.target) ** 2).mean((1, 2))
        return found

    def few(self, most: int, seed: int = 0) -> LearnedFunction:
        """At most so many of its examples, drawn at random, in their order."""
        if len(self.inputs) <= most:
            return self
        rng = np.random.default_rng(seed)
        kept = np.sort(rng.choice(len(self.inputs), most, replace=False))
        return replace(
            self,
            inputs=self.inputs[kept],
            places=self.places[kept],
            values=self.values[:, kept],
            target=self.target[kept],
        )


def learned_function(
    steps: Sequence[int] | Array,
    inputs: Array,
    values: Array,
    target: Array | None = None,
    *,
    places: Array | None = None,
) -> LearnedFunction:
    """From arrays in memory: values [step, example, output] or [step, example]."""
    if (np.diff(steps) <= 0).any():
        raise FathomError(
            f"the steps {np.asarray(steps).tolist()[:8]} do not rise; give each once, in order."
        )
    return _made(np.asarray(steps), inputs, values, target, places, source=GIVEN)


def recorded_function(
    run: Run, target: Array | None = None, *, places: Array | None = None
) -> LearnedFunction:
    """From the predictions that probes.Outputs recorded, by default of the recorded batch."""
    track = _longest(run.arrays("outputs"))
    inputs = run.arrays("outputs/inputs")[0].values[0]
    if target is None:
        target = _recorded_target(run, inputs)
    target = _thinned_alike(target, track)
    found = _made(track.steps, inputs, track.values, target, places, source=RECORDED, run=run.name)
    return _as_trained(run, found)


def snapshot_function(
    run: Run,
    inputs: Array | None = None,
    target: Array | None = None,
    *,
    places: Array | None = None,
    subject: Subject | None = None,
) -> LearnedFunction:
    """Computed again at each snapshot: for the recorded batch, or for other inputs.

    A `subject` that is on data of its own already, of a run without a program or of inputs that
    are not one array of numbers, is taken as it is; say its `inputs` too, for their places.
    """
    steps = _snapshots(run)
    if inputs is None:
        inputs, recorded = _recorded_batch(run)
        target = recorded if target is None else target
        subject = run.subject() if subject is None else subject
    elif subject is None:
        subject = _subject_on(run, inputs, target)
    values = [_predicted(subject.at(run.path, step)) for step in steps]
    learned = _made(
        np.array(steps),
        inputs,
        np.stack(values),
        target,
        places,
        source=COMPUTED,
        run=run.name,
        about=subject.about,
    )
    return _as_trained(run, learned)


def reads_logits(program: str, target: Array) -> bool:
    """Does a loss take predictions for the logits of chances such as these?"""
    return BINARY in program and bool(((target >= 0) & (target <= 1)).all())


def even_grid(low: float, high: float, count: int) -> Floats:
    """Places [example, 1] whose last one does not repeat the first: frequencies do not leak."""
    found: Floats = np.linspace(low, high, count, endpoint=False)[:, None]
    return found


def line(first: Array, second: Array, count: int, beyond: float = 0.0) -> tuple[Floats, Floats]:
    """Inputs on the line through two inputs, and where they are: 0 at the first, 1 at the second.

    `beyond` goes on as far on both sides.
    """
    if np.shape(first) != np.shape(second):
        raise FathomError(
            f"a line needs two inputs of one shape, and got {[*np.shape(first)]} and "
            f"{[*np.shape(second)]}."
        )
    places = np.linspace(-beyond, 1 + beyond, count)
    shares = places.reshape(-1, *(1,) * np.ndim(first))
    return (1 - shares) * np.asarray(first) + shares * np.asarray(second), places


def _subject_on(run: Run, inputs: Array, target: Array | None) -> Subject:
    """The recorded program takes a target; what it is does not touch the predictions."""
    subject = run.subject()
    wanted = _recorded_batch(run)[1]
    if target is None and wanted is not None:
        if wanted.dtype.kind in "iub":
            raise FathomError(
                "the targets are classes, and the program takes one for each input: give them as "
                "a subject on both: subject=run.subject().on((inputs, target))."
            )
        target = np.zeros((len(inputs), *wanted.shape[1:]))
    data = (inputs,) if target is None else (inputs, target)
    tensors = tuple(subject.vector(np.asarray(each)) for each in data)
    return subject.on(tensors if len(tensors) > 1 else tensors[0])


def _predicted(subject: Subject) -> Array:
    parts = subject.predict(subject.centre)
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


def _as_trained(run: Run, learned: LearnedFunction) -> LearnedFunction:
    """As probabilities, where the recorded loss takes predictions for their logits."""
    program = program_text(run.path) if has_program(run.path) else ""
    if learned.outputs == "probabilities" or not reads_logits(program, learned.target):
        return learned
    return replace(learned, outputs="probabilities", values=expit(learned.values))


def _snapshots(run: Run) -> tuple[int, ...]:
    if not run.snapshots:
        raise FathomError(
            f"'{run.path}' holds no snapshots, and so no weights; add probes.Snapshots() to the "
            "Recorder, or use the recorded predictions: recorded_function(run)."
        )
    return run.snapshots


def _longest(tracks: tuple[Track, ...]) -> Track:
    """Of predictions of several shapes, those of most steps."""
    return max(tracks, key=lambda track: len(track.steps))


def _thinned_alike(target: Array | None, track: Track) -> Array | None:
    """Of wide predictions every n-th output is recorded: then so much of the target is left."""
    thinned = re.search(r"every (\d+)\. of (\d+) outputs", track.about)
    if target is None or thinned is None:
        return target
    every, outputs = map(int, thinned.groups())
    if np.size(target) != len(target) * outputs:
        raise FathomError(
            f"only every {every}. of {outputs} outputs is recorded, which is too little to compare "
            "with classes; give probes.Outputs fewer inputs, or compute them at the snapshots: "
            "snapshot_function(run)."
        )
    return np.reshape(target, (len(target), outputs))[:, ::every]


def _recorded_batch(run: Run) -> tuple[Array, Array | None]:
    if not has_program(run.path):
        raise FathomError(
            f"'{run.path}' remembers no batch; give the Recorder loss= and batch=, or say the "
            "inputs and the target here."
        )
    found = read_alone(run.path / TENSORS)
    given = {name[6:]: array for name, array in found.items() if name.startswith("input:")}
    inputs = given.get("inputs", next(iter(given.values())))
    return inputs, given.get("target")


def _recorded_target(run: Run, inputs: Array) -> Array | None:
    """The recorded batch's, if its inputs are the predicted ones."""
    if not has_program(run.path):
        return None
    there, target = _recorded_batch(run)
    same = there.shape == inputs.shape and np.allclose(there, inputs, rtol=1e-6, atol=0)
    return target if same else None


def _made(  # noqa: PLR0913  (what it is made of, and where that is from)
    steps: Array,
    inputs: Array,
    values: Array,
    target: Array | None,
    places: Array | None,
    *,
    source: str,
    run: str = "",
    about: About | None = None,
) -> LearnedFunction:
    table = np.asarray(values, np.float64)
    table = table[..., None] if table.ndim == 2 else table
    flat = np.asarray(inputs, np.float64).reshape(len(inputs), -1)
    if table.ndim != 3 or table.shape[:2] != (len(steps), len(flat)):
        raise FathomError(
            f"predictions of shape {[*np.shape(values)]} are not those of {len(steps)} steps and "
            f"{len(flat)} inputs; give [step, example, output]."
        )
    axis, where = _placed(flat) if places is None else (CHOSEN, np.asarray(places))
    if where.shape != (len(flat),):
        raise FathomError(f"{len(flat)} inputs need as many places, and got {[*where.shape]}.")
    table, wanted, outputs = _against(table, target)
    where, counted = where.astype(np.float64), np.asarray(steps, np.int64)
    return LearnedFunction(run, about, source, outputs, counted, flat, axis, where, table, wanted)


def _placed(inputs: Floats) -> tuple[str, Floats]:
    """Where inputs lie on a line: by their only feature, or by their angle on a circle."""
    if inputs.shape[1] == 1:
        return INPUT, inputs[:, 0]
    if inputs.shape[1] == 2:
        radius = np.hypot(*inputs.T)
        if np.ptp(radius) <= 1e-5 * radius.max():
            return CIRCLE, np.arctan2(*inputs.T[::-1]) / (2 * np.pi)
    return NO_LINE, np.arange(len(inputs), dtype=np.float64)


def _against(values: Floats, target: Array | None) -> tuple[Floats, Floats, str]:
    """Values and target that can be compared: of classes both are probabilities."""
    count, outputs = values.shape[1:]
    if target is None:
        return values, np.full((count, outputs), np.nan), "outputs"
    wanted = np.asarray(target)
    if wanted.dtype.kind in "iub" and wanted.shape == (count,) and outputs > 1:
        if not 0 <= wanted.min() <= wanted.max() < outputs:
            raise FathomError(
                f"classes from {wanted.min()} to {wanted.max()} are not those of {outputs} outputs."
            )
        return softmax(values, axis=-1), np.eye(outputs)[wanted.astype(np.int64)], "probabilities"
    if wanted.size != count * outputs or len(wanted) != count:
        raise FathomError(
            f"a target of shape {[*wanted.shape]} does not fit predictions of {count} examples and "
            f"{outputs} outputs; give [example, output]."
        )
    return values, wanted.reshape(count, outputs).astype(np.float64), "outputs"
