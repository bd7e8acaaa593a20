"""Run: a read-only view of one run folder, live or finished. Nothing is read twice."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from diagnostics.rank_files import RankFiles
from diagnostics.rank_merge import merged_column, merged_histogram, merged_steps
from diagnostics.runs import find_runs, read_info, state_of
from diagnostics.shown import Shown
from probes.folder import OWN_SCALARS, RUN, WATCHED, FathomError, RunError, rank_files
from probes.program_file import has_program
from probes.recording import STATISTICS, Event, TensorInfo, Track
from probes.snapshot_file import snapshot_steps

if TYPE_CHECKING:
    from diagnostics.subject import Subject
    from diagnostics.subject.losses import Statistics

__all__ = ["FathomError", "Run", "RunError", "Scalar"]


T = TypeVar("T")
Told = tuple[int, dict[str, TensorInfo], dict[str, TensorInfo]]  # generation, all, parameters

_GENERATIONS = count(time.time_ns() // 1000)  # whoever remembers one may outlive this process


@dataclass(frozen=True)
class Scalar:
    """One logged quantity over time."""

    name: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    times: NDArray[np.float64]


class Run(Shown):
    """One training as it was recorded, so far or to its end; by one process or by several ranks."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = self.path.resolve().name
        if not (self.path / RUN).is_file():
            raise RunError(_no_run(self.path))
        self.info = read_info(self.path)
        self.generation = 0  # no two views ever have the same, nor the same one twice
        self._ranks: dict[int, RankFiles] = {}
        self._tensors: Told | None = None
        self._reading = RLock()  # what is read is kept: two threads at once would keep it twice
        self.refresh()

    def refresh(self) -> bool:
        """Read what is new; was there anything?"""
        changed = False
        with self._reading:
            for rank, segments in rank_files(self.path).items():
                files = self._ranks.setdefault(rank, RankFiles(self.path, rank))
                changed |= files.refresh(segments)
            if changed:
                self.generation = next(_GENERATIONS)
        return changed

    @property
    def summary(self) -> dict[str, Any]:
        """A few lines kept fresh by the first rank."""
        return self._ranks[0].summary

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Files that could not be read."""
        return tuple(name for rank in self._ranks.values() for name in rank.passed_over)

    @property
    def state(self) -> str:
        """Whether it runs, and if not, how it ended."""
        return state_of(self.path, self.summary)

    @property
    def tensors(self) -> dict[str, TensorInfo]:
        """Every recorded tensor by name, in the order of the forward pass."""
        return self._told()[1]

    def _by_depth(self) -> dict[str, TensorInfo]:
        found: dict[str, TensorInfo] = {}
        for rank in self._ranks.values():
            found |= {name: t for name, t in rank.tensors.items() if name not in found}
        return dict(sorted(found.items(), key=lambda item: item[1].depth))

    @property
    def parameters(self) -> dict[str, TensorInfo]:
        """Those of the tensors that are the model's own."""
        return self._told()[2]

    def _told(self) -> Told:
        """Put together once a generation: rules ask for it a thousand times."""
        if self._tensors is None or self._tensors[0] != self.generation:
            found = self._by_depth()
            own = {name: t for name, t in found.items() if t.role not in ("output", "state")}
            self._tensors = self.generation, found, own
        return self._tensors

    @property
    def series(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for rank in self._ranks.values() for n in rank.series))

    @property
    def events(self) -> tuple[Event, ...]:
        found = [event for rank in self._ranks.values() for event in rank.events]
        return tuple(found if len(self._ranks) == 1 else sorted(found, key=lambda e: e.time))

    @property
    def dropped(self) -> int:
        """Rows that were recorded and could not be written."""
        return sum(rank.dropped for rank in self._ranks.values())

    @property
    def overhead(self) -> float | None:
        """The share of training time that recording cost."""
        return self.summary.get("overhead")

    @property
    def last_step(self) -> int:
        return max(rank.last_step for rank in self._ranks.values())

    @property
    def records(self) -> int:
        """Steps at which tensors were looked at."""
        return max((len(self.steps(name)) for name in self.series), default=0)

    def steps(self, series: str) -> NDArray[np.int64]:
        first, *others = ranks = self._having(series)
        return merged_steps(ranks, series) if others else first.steps(series)

    def column(self, series: str, statistic: str, tensors: list[str]) -> NDArray[np.float64]:
        """One statistic of the tensors named, as [record, tensor]; NaN where there is no row."""
        if statistic not in STATISTICS:
            raise FathomError(f"no statistic '{statistic}' (there are: {', '.join(STATISTICS)}).")
        return self._steadily(lambda: self._column(series, statistic, tensors))

    def _column(self, series: str, statistic: str, tensors: list[str]) -> NDArray[np.float64]:
        first, *others = ranks = self._having(series)
        if others:
            return merged_column(ranks, series, statistic, tensors)
        return first.column(series, statistic, tensors)

    def histogram(self, series: str, tensor: str) -> NDArray[np.int64]:
        """A tensor's histogram of magnitudes, as [record, bin]; empty where there is no row."""
        return self._steadily(lambda: merged_histogram(self._having(series), series, tensor))

    def _steadily(self, read: Callable[[], T]) -> T:
        """Read; where the scribe has meanwhile made one file of the segments, from that one."""
        with self._reading:
            try:
                return read()
            except RunError:
                if all(rank.is_there for rank in self._ranks.values()):
                    raise
                self.refresh()
                return read()

    def _having(self, series: str) -> list[RankFiles]:
        found = [rank for rank in self._ranks.values() if series in rank.series]
        if not found and not self.series:
            raise FathomError(
                f"nothing is recorded in '{self.path}' yet: no step of an optimizer was seen."
            )
        if not found:
            raise FathomError(
                f"no series '{series}' in '{self.path}' (it has: {', '.join(self.series) or 'none'}"
                f"); add probes.{series.title().replace('_', '')}() to the Recorder."
            )
        return found

    @property
    def scalar_names(self) -> tuple[str, ...]:
        return self._steadily(lambda: self._ranks[0].scalar_names)

    @property
    def logged(self) -> tuple[str, ...]:
        """Those of the scalars that the user has logged."""
        return tuple(name for name in self.scalar_names if not name.startswith(OWN_SCALARS))

    def scalar(self, name: str) -> Scalar:
        """What the first rank has logged under a name."""
        found = self._steadily(lambda: self._ranks[0].scalar(name))
        if found is None:
            raise FathomError(
                f"no scalar '{name}' in '{self.path}' "
                f"(it has: {', '.join(self.scalar_names) or 'none'}); log it: "
                f"recorder.log({name}=…)"
            )
        return Scalar(name, *found)

    @property
    def array_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for rank in self._ranks.values() for n in rank.array_names))

    def arrays(self, name: str) -> tuple[Track, ...]:
        """Arrays of any shape, one track for each shape; from the first rank that has them."""
        if name not in self.array_names:
            raise FathomError(
                f"no arrays '{name}' in '{self.path}' "
                f"(it has: {', '.join(self.array_names) or 'none'})."
            )
        return self._steadily(
            lambda: next(
                rank.arrays(name) for rank in self._ranks.values() if name in rank.array_names
            )
        )

    @property
    def has_program(self) -> bool:
        """Whether the folder alone can say what the model and its loss compute."""
        return has_program(self.path)

    @property
    def snapshots(self) -> tuple[int, ...]:
        """The steps at which all weights were kept."""
        return snapshot_steps(self.path)

    def subject(self, step: int | None = None, statistics: Statistics = "running") -> Subject:
        """The model, its loss and the recorded batch, at a snapshot (by default the last one).

        `statistics`: what batch normalisation takes its mean from. This loads torch.
        """
        from diagnostics.subject import Subject

        return Subject.recorded(self.path, step, statistics)

    def watch(self) -> None:
        """Tell the scribe that somebody looks: it then writes every two seconds."""
        with contextlib.suppress(OSError):
            (self.path / WATCHED).touch()


def _no_run(path: Path) -> str:
    if not path.exists():
        return f"'{path}' does not exist; runs are folders that a probes.Recorder made."
    if path.is_file():
        return f"'{path}' is a file; give the run's folder, '{path.parent}'."
    inside = [run.name for run in find_runs(path)][:5]
    hint = f"it holds runs: {', '.join(inside)}" if inside else f"it has no {RUN}"
    return f"'{path}' is no run ({hint})."
