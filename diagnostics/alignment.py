"""Where the steps of several runs lie beside one another: by step, by time, by data seen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from diagnostics.run import FathomError, Run

Along = Literal["step", "time", "tokens"]
ALONG: tuple[Along, ...] = get_args(Along)
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SIZES = "batches/size"  # what probes.Batches gives: examples in a step
UNITS = {  # words in the name of a logged count, and what it counts; the first that fits
    "tokens": "tokens",
    "token": "tokens",
    "samples": "samples",
    "examples": "samples",
    "images": "samples",
    "sequences": "samples",
}


@dataclass(frozen=True)
class Count:
    """How much data a run had seen at some of its steps."""

    unit: str  # tokens | samples
    source: str  # the scalar it comes from
    steps: Integers
    seen: Floats

    def at(self, steps: Integers) -> Floats:
        """In between it grows evenly; nothing was seen before step 0."""
        known = np.concatenate([[0.0], self.steps]), np.concatenate([[0.0], self.seen])
        found = np.interp(steps, *known)
        beyond = steps > known[0][-1]  # the last pace goes on
        pace = known[1][-1] / max(1.0, known[0][-1])
        return np.asarray(np.where(beyond, known[1][-1] + pace * (steps - known[0][-1]), found))


@dataclass(frozen=True)
class Alignment:
    """One axis for several runs; a run that has no place on it says why."""

    along: Along
    unit: str  # of the axis, in words
    runs: tuple[Run, ...]
    counts: tuple[Count | None, ...]
    lacking: tuple[str, ...]  # [run]  why it has no place on the axis; empty where it has one

    def place(self, run: int, steps: Integers, times: Floats) -> Floats:
        """Where what a run recorded at these steps and times lies."""
        if self.along == "time":
            return times - _start(self.runs[run])
        count = self.counts[run]
        return steps.astype(np.float64) if count is None else count.at(steps)


def alignment(runs: Sequence[Run], along: Along = "step") -> Alignment:
    """By step, by seconds since each run's own start, or by tokens (else samples) seen."""
    if along not in ALONG:
        raise FathomError(f"runs are not aligned by {along!r}; choose one of {', '.join(ALONG)}.")
    nothing = (None,) * len(runs)
    if along != "tokens":
        unit = {"step": "step", "time": "seconds since its start"}[along]
        return Alignment(along, unit, tuple(runs), nothing, ("",) * len(runs))
    found = [counts(run) for run in runs]
    unit = max(("tokens", "samples"), key=lambda each: sum(each in own for own in found))
    chosen = tuple(own.get(unit) for own in found)
    lacking = tuple(
        "" if count else _lacking(run, unit) for run, count in zip(runs, chosen, strict=True)
    )
    return Alignment(along, f"{unit} seen", tuple(runs), chosen, lacking)


def counts(run: Run) -> dict[str, Count]:
    """What can be told of the data seen, by its unit."""
    found = {}
    for name in run.logged:
        unit = _unit(name)
        if unit and unit not in found:
            told = run.scalar(name)
            found[unit] = Count(unit, name, told.steps, _summed(told.steps, told.values))
    if "samples" not in found and SIZES in run.scalar_names:
        looks = run.scalar(SIZES)
        found["samples"] = Count("samples", SIZES, *_held(looks.steps, looks.values, run.last_step))
    return found


def _unit(name: str) -> str:
    """`tokens_seen` and `train/tokens` count tokens; `tokens_per_second` does not."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    if set(words) & {"per", "second", "sec", "s", "throughput", "loss", "val", "eval", "test"}:
        return ""
    return next((unit for word, unit in UNITS.items() if word in words), "")


def _summed(steps: Integers, values: Floats) -> Floats:
    """A total stays one; what is logged for each step adds up, also over steps between two logs."""
    known = np.nan_to_num(values)
    if len(known) > 1 and (np.diff(known) > 0).all():
        return known
    return np.cumsum(known * np.diff(steps, prepend=0))


def _held(looks: Integers, sizes: Floats, last: int) -> tuple[Integers, Floats]:
    """A batch size holds until the next look at it."""
    ends = np.append(looks[1:] - 1, max(last, int(looks[-1])))
    starts = np.concatenate([[0], ends[:-1]])
    return ends, np.cumsum(sizes * (ends - starts))


def _start(run: Run) -> float:
    """When it was started; where that cannot be so, when it first logged anything."""
    logged = [run.scalar(name).times for name in run.scalar_names]
    first = min((float(times[0]) for times in logged if len(times)), default=0.0)
    try:
        started = datetime.fromisoformat(str(run.info.get("started", ""))).timestamp()
    except ValueError:
        return first
    return min(started, first)  # clocks of two machines may disagree


def _lacking(run: Run, unit: str) -> str:
    example = "tokens_seen" if unit == "tokens" else "samples_seen"
    return (
        f"'{run.name}' does not say how many {unit} it has seen; log them: "
        f"recorder.log({example}=…), or keep probes.Batches() in the Recorder."
    )
