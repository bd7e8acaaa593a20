"""What one rank of a training has recorded: its archive and its segments, read as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.contents import Columns, Contents, Opened
from diagnostics.runs import read_summary
from probes.folder import ARCHIVE, SEGMENTS, RunError, of_rank, sequence_of
from probes.recording import Event, TensorInfo, Track
from probes.recording_file import RecordingFile


class RankFiles:
    """The files of one rank, oldest first. Nothing is read twice."""

    def __init__(self, folder: Path, rank: int) -> None:
        self.folder, self.rank = folder, rank
        self.summary: dict[str, Any] = {}
        self.passed_over: tuple[str, ...] = ()  # files that could not be read
        self._path = of_rank(folder / ARCHIVE, rank)
        self._files: dict[str, Opened] = {}
        self._contents = Contents()
        self._archive: tuple[float, int] | None = None

    def refresh(self, segments: list[Path]) -> bool:
        """Read what is new; was there anything?"""
        self.summary = read_summary(self.folder, self.rank)
        return self._refresh_archive(segments) | self._refresh_segments(segments)

    def _refresh_archive(self, segments: list[Path]) -> bool:
        """A finished (or resumed and finished again) run's one file takes its segments' place."""
        try:
            now = (self._path.stat().st_mtime, self._path.stat().st_size)
        except FileNotFoundError:
            return False
        if now == self._archive:
            return False
        self._archive = now
        opened = self._open(self._path, alone=not segments)
        if opened is not None:
            done = opened.file.sequence
            kept = {k: f for k, f in self._files.items() if f.file.sequence > done}
            self._hold({self._path.name: opened, **kept})
            folder = self.folder / SEGMENTS
            self.passed_over = tuple(n for n in self.passed_over if (folder / n).exists())
        return True

    def _refresh_segments(self, segments: list[Path]) -> bool:
        archive = self._files.get(self._path.name)
        done = archive.file.sequence if archive else -1
        new = [
            path
            for path in segments
            if path.name not in self._files
            and path.name not in self.passed_over
            and sequence_of(path) > done
        ]
        opened = {path.name: self._open(path) for path in new}
        found = self._files | {name: file for name, file in opened.items() if file is not None}
        self._hold(dict(sorted(found.items(), key=lambda item: item[1].file.sequence)))
        return bool(new)

    def _hold(self, files: dict[str, Opened]) -> None:
        """What was read stays as long as files only come on at the end."""
        known, now = list(self._files.values()), list(files.values())
        if now[: len(known)] != known:
            self._contents, known = Contents(), []
        for opened in now[len(known) :]:
            self._contents.add(opened)
        self._files = files

    def _open(self, path: Path, *, alone: bool = False) -> Opened | None:
        """A file that is no recording is passed over; a whole run of such is an error."""
        try:
            return Opened(RecordingFile(path))
        except RunError:
            if not path.exists():  # archived a moment ago: the next refresh finds it there
                return None
            if alone and self.rank == 0:
                raise
            self.passed_over += (path.name,)
            return None

    @property
    def is_there(self) -> bool:
        """Are its files still where they were?"""
        return all(opened.file.path.exists() for opened in self._files.values())

    @property
    def tensors(self) -> dict[str, TensorInfo]:
        return self._contents.tensors

    @property
    def series(self) -> tuple[str, ...]:
        return tuple(self._contents.having)

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened; of another rank than the first it is said which."""
        prefix = f"rank {self.rank}: " if self.rank else ""
        found = [event for opened in self._files.values() for event in opened.file.events]
        return tuple(replace(event, text=prefix + event.text) for event in found)

    @property
    def dropped(self) -> int:
        """Rows that were recorded and could not be written."""
        counts = [opened.file.dropped for opened in self._files.values()]
        return max([int(self.summary.get("dropped", 0)), *counts])

    @property
    def last_step(self) -> int:
        return max(int(self.summary.get("steps", 0)), self._contents.last_step)

    def steps(self, series: str) -> NDArray[np.int64]:
        return self._contents.steps(series)

    def column(self, series: str, statistic: str, tensors: list[str]) -> NDArray[np.float64]:
        """One statistic of the tensors named, as [record, tensor]; NaN where there is no row."""
        return self._contents.column(series, statistic, tensors)

    def histogram(self, series: str, tensor: str) -> NDArray[np.int64]:
        """A tensor's histogram, as [record, bin]."""
        return self._contents.histogram(series, tensor)

    def having(self, series: str) -> list[Opened]:
        """The files that have a series."""
        return self._contents.having[series]

    @property
    def scalar_names(self) -> tuple[str, ...]:
        return self._contents.scalar_names()

    def scalar(self, name: str) -> Columns | None:
        """Steps, values and times of what was logged under a name."""
        return self._contents.scalar(name)

    @property
    def array_names(self) -> tuple[str, ...]:
        return tuple(self._contents.tracks)

    def arrays(self, name: str) -> tuple[Track, ...]:
        """The arrays under a name, one track for each shape and type of them."""
        return self._contents.arrays(name)
