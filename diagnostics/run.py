"""Run: a read-only view of one run folder, live or finished. Nothing is read twice."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from diagnostics.runs import find_runs, read_info, read_summary, state_of
from probes.folder import (
    ARCHIVE,
    RUN,
    SEGMENTS,
    WATCHED,
    FathomError,
    RunError,
    segment_paths,
    sequence_of,
)
from probes.recording import Event, TensorInfo
from probes.recording_file import RecordingFile

__all__ = ["FathomError", "Run", "RunError", "Scalar"]


T = TypeVar("T")


@dataclass(frozen=True)
class Scalar:
    """One logged quantity over time."""

    name: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    times: NDArray[np.float64]


class Run:
    """One training as it was recorded, so far or to its end."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = self.path.resolve().name
        if not (self.path / RUN).is_file():
            raise RunError(_no_run(self.path))
        self.info = read_info(self.path)
        self.generation = 0
        self.passed_over: tuple[str, ...] = ()  # files that could not be read
        self._files: dict[str, _Opened] = {}
        self._archive: tuple[float, int] | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Read what is new; was there anything?"""
        self.summary = read_summary(self.path)
        changed = self._refresh_archive() | self._refresh_segments()
        self.generation += changed
        return changed

    def _refresh_archive(self) -> bool:
        """A finished (or resumed and finished again) run's one file takes its segments' place."""
        path = self.path / ARCHIVE
        try:
            now = (path.stat().st_mtime, path.stat().st_size)
        except FileNotFoundError:
            return False
        if now == self._archive:
            return False
        self._archive = now
        opened = self._open(path)
        if opened is not None:
            done = opened.file.sequence
            kept = {k: f for k, f in self._files.items() if f.file.sequence > done}
            self._files = {ARCHIVE: opened, **kept}
            folder = self.path / SEGMENTS
            self.passed_over = tuple(n for n in self.passed_over if (folder / n).exists())
        return True

    def _refresh_segments(self) -> bool:
        done = self._files[ARCHIVE].file.sequence if ARCHIVE in self._files else -1
        new = [
            path
            for path in segment_paths(self.path)
            if path.name not in self._files
            and path.name not in self.passed_over
            and sequence_of(path) > done
        ]
        opened = {path.name: self._open(path) for path in new}
        found = self._files | {name: file for name, file in opened.items() if file is not None}
        self._files = dict(sorted(found.items(), key=lambda item: item[1].file.sequence))
        return bool(new)

    def _open(self, path: Path) -> _Opened | None:
        """A file that is no recording is passed over; a whole run of such is an error."""
        try:
            return _Opened(RecordingFile(path))
        except RunError:
            if not path.exists():  # archived a moment ago: the next refresh finds it there
                return None
            if path.name == ARCHIVE and not segment_paths(self.path):
                raise
            self.passed_over += (path.name,)
            return None

    @property
    def state(self) -> str:
        """Whether it runs, and if not, how it ended."""
        return state_of(self.path, self.summary)

    @property
    def tensors(self) -> dict[str, TensorInfo]:
        """Every recorded tensor by name, in the order of the forward pass."""
        found = {t.name: t for opened in self._files.values() for t in opened.file.tensors}
        return dict(sorted(found.items(), key=lambda item: item[1].depth))

    @property
    def series(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for o in self._files.values() for n in o.file.series))

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(event for opened in self._files.values() for event in opened.file.events)

    @property
    def dropped(self) -> int:
        """Rows that were recorded and could not be written."""
        counts = [opened.file.dropped for opened in self._files.values()]
        return max([int(self.summary.get("dropped", 0)), *counts])

    @property
    def overhead(self) -> float | None:
        """The share of training time that recording cost."""
        return self.summary.get("overhead")

    @property
    def last_step(self) -> int:
        ends = [end for opened in self._files.values() for end in opened.ends()]
        return max([int(self.summary.get("steps", 0)), *ends])

    @property
    def records(self) -> int:
        """Steps at which tensors were looked at."""
        return max((len(self.steps(name)) for name in self.series), default=0)

    def steps(self, series: str) -> NDArray[np.int64]:
        return np.concatenate([o.file.series[series].steps for o in self._having(series)])

    def column(self, series: str, statistic: str, tensors: list[str]) -> NDArray[np.float64]:
        """One statistic of the tensors named, as [record, tensor]; NaN where there is no row."""
        return self._steadily(
            lambda: np.concatenate(
                [o.column(series, statistic, tensors) for o in self._having(series)]
            )
        )

    def _steadily(self, read: Callable[[], T]) -> T:
        """Read; where the scribe has meanwhile made one file of the segments, from that one."""
        try:
            return read()
        except RunError:
            if all(opened.file.path.exists() for opened in self._files.values()):
                raise
            self.refresh()
            return read()

    def _having(self, series: str) -> list[_Opened]:
        found = [opened for opened in self._files.values() if series in opened.file.series]
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
        return self._steadily(
            lambda: tuple(dict.fromkeys(k for o in self._files.values() for k in o.scalars()))
        )

    def scalar(self, name: str) -> Scalar:
        parts = self._steadily(
            lambda: [o.scalars()[name] for o in self._files.values() if name in o.scalars()]
        )
        if not parts:
            raise FathomError(
                f"no scalar '{name}' in '{self.path}' "
                f"(it has: {', '.join(self.scalar_names) or 'none'}); log it: "
                f"recorder.log({name}=…)"
            )
        steps, values, times = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Scalar(name, steps, values, times)

    def watch(self) -> None:
        """Tell the scribe that somebody looks: it then writes every two seconds."""
        with contextlib.suppress(OSError):
            (self.path / WATCHED).touch()


class _Opened:
    """One file of a run; its columns are read once, when first asked for."""

    def __init__(self, file: RecordingFile) -> None:
        self.file = file
        self._columns: dict[tuple[str, str], NDArray[np.float32]] = {}
        self._scalars: dict[str, tuple[NDArray[Any], ...]] | None = None

    def column(self, series: str, statistic: str, tensors: list[str]) -> NDArray[np.float64]:
        key = (series, statistic)
        if key not in self._columns:
            self._columns[key] = self.file.column(series, statistic)
        names = [self.file.tensors[row].name for row in self.file.series[series].tensors]
        place = {name: n for n, name in enumerate(names)}
        values = np.full((len(self.file.series[series].steps), len(tensors)), np.nan)
        for n, name in enumerate(tensors):
            if name in place:
                values[:, n] = self._columns[key][:, place[name]]
        return values

    def scalars(self) -> dict[str, tuple[NDArray[Any], ...]]:
        if self._scalars is None:
            rows = self.file.scalars()
            cuts = {key: rows.keys == n for n, key in enumerate(self.file.keys)}
            self._scalars = {
                key: (rows.steps[cut], rows.values[cut], rows.times[cut])
                for key, cut in cuts.items()
                if cut.any()
            }
        return self._scalars

    def ends(self) -> list[int]:
        steps = [series.steps for series in self.file.series.values()]
        return [int(part[-1]) for part in steps if len(part)]


def _no_run(path: Path) -> str:
    if not path.exists():
        return f"'{path}' does not exist; runs are folders that a probes.Recorder made."
    if path.is_file():
        return f"'{path}' is a file; give the run's folder, '{path.parent}'."
    inside = [run.name for run in find_runs(path)][:5]
    hint = f"it holds runs: {', '.join(inside)}" if inside else f"it has no {RUN}"
    return f"'{path}' is no run ({hint})."
