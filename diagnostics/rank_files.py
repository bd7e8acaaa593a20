"""What one rank of a training has recorded: its archive and its segments, read as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.runs import read_summary
from probes.folder import ARCHIVE, SEGMENTS, RunError, of_rank, sequence_of
from probes.recording import BINS, Event, TensorInfo, Track
from probes.recording_file import RecordingFile

Column = tuple[NDArray[Any], ...]


class RankFiles:
    """The files of one rank, oldest first. Nothing is read twice."""

    def __init__(self, folder: Path, rank: int) -> None:
        self.folder, self.rank = folder, rank
        self.summary: dict[str, Any] = {}
        self.passed_over: tuple[str, ...] = ()  # files that could not be read
        self._path = of_rank(folder / ARCHIVE, rank)
        self._files: dict[str, _Opened] = {}
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
            self._files = {self._path.name: opened, **kept}
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
        self._files = dict(sorted(found.items(), key=lambda item: item[1].file.sequence))
        return bool(new)

    def _open(self, path: Path, *, alone: bool = False) -> _Opened | None:
        """A file that is no recording is passed over; a whole run of such is an error."""
        try:
            return _Opened(RecordingFile(path))
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
        return {t.name: t for opened in self._files.values() for t in opened.file.tensors}

    @property
    def series(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for o in self._files.values() for n in o.file.series))

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
        ends = [end for opened in self._files.values() for end in opened.ends()]
        return max([int(self.summary.get("steps", 0)), *ends])

    def steps(self, series: str) -> NDArray[np.int64]:
        return np.concatenate([o.file.series[series].steps for o in self._having(series)])

    def column(self, series: str, statistic: str, tensors: list[str]) -> NDArray[np.float64]:
        """One statistic of the tensors named, as [record, tensor]; NaN where there is no row."""
        return np.concatenate(
            [opened.column(series, statistic, tensors) for opened in self._having(series)]
        )

    def histogram(self, series: str, tensor: str) -> NDArray[np.int64]:
        """A tensor's histogram, as [record, bin]."""
        return np.concatenate([opened.histogram(series, tensor) for opened in self._having(series)])

    def _having(self, series: str) -> list[_Opened]:
        return [opened for opened in self._files.values() if series in opened.file.series]

    @property
    def scalar_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(key for o in self._files.values() for key in o.scalars()))

    def scalar(self, name: str) -> Column | None:
        """Steps, values and times of what was logged under a name."""
        parts = [o.scalars()[name] for o in self._files.values() if name in o.scalars()]
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True)) or None

    @property
    def array_names(self) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(t.name for opened in self._files.values() for t in opened.file.tracks)
        )

    def arrays(self, name: str) -> tuple[Track, ...]:
        """The arrays under a name, one track for each shape and type of them."""
        kinds: dict[Any, list[Track]] = {}
        for opened in self._files.values():
            for n, track in enumerate(opened.file.tracks):
                if track.name == name:
                    kinds.setdefault(track.kind, []).append(opened.track(n))
        return tuple(_joined(parts) for parts in kinds.values())


class _Opened:
    """One file of a run; its columns are read once, when first asked for."""

    def __init__(self, file: RecordingFile) -> None:
        self.file = file
        self._columns: dict[tuple[str, str], NDArray[np.float32]] = {}
        self._scalars: dict[str, Column] | None = None
        self._tracks: dict[int, Track] = {}

    def column(self, series: str, statistic: str, tensors: list[str]) -> NDArray[np.float64]:
        key = (series, statistic)
        if key not in self._columns:
            self._columns[key] = self.file.column(series, statistic)
        place = {name: n for n, name in enumerate(self._names(series))}
        values = np.full((len(self.file.series[series].steps), len(tensors)), np.nan)
        for n, name in enumerate(tensors):
            if name in place:
                values[:, n] = self._columns[key][:, place[name]]
        return values

    def histogram(self, series: str, tensor: str) -> NDArray[np.int64]:
        names = self._names(series)
        if tensor not in names:
            return np.zeros((len(self.file.series[series].steps), BINS), np.int64)
        return self.file.histogram(series, names.index(tensor)).astype(np.int64)

    def _names(self, series: str) -> list[str]:
        return [self.file.tensors[row].name for row in self.file.series[series].tensors]

    def scalars(self) -> dict[str, Column]:
        if self._scalars is None:
            rows = self.file.scalars()
            cuts = {key: rows.keys == n for n, key in enumerate(self.file.keys)}
            self._scalars = {
                key: (rows.steps[cut], rows.values[cut], rows.times[cut])
                for key, cut in cuts.items()
                if cut.any()
            }
        return self._scalars

    def track(self, n: int) -> Track:
        if n not in self._tracks:
            empty = self.file.tracks[n]
            blocks = list(self.file.arrays(n))
            self._tracks[n] = _joined(blocks) if blocks else empty
        return self._tracks[n]

    def ends(self) -> list[int]:
        steps = [series.steps for series in self.file.series.values()]
        steps += [track.steps for track in self.file.tracks]
        return [int(part[-1]) for part in steps if len(part)]


def _joined(parts: list[Track]) -> Track:
    """One after another, as the last of them is described."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[-1],
        steps=np.concatenate([part.steps for part in parts]),
        times=np.concatenate([part.times for part in parts]),
        values=np.concatenate([part.values for part in parts]),
    )
