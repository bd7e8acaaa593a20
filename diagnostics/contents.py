"""What a rank's files hold, taken together: it grows file by file, and nothing is read twice.

A live run is thousands of small segments. Whoever asks for a column of it again has only those
read and joined to it that are new.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.recording import BINS, Series, TensorInfo, Track
from probes.recording_file import RecordingFile

Columns = tuple[NDArray[Any], ...]

MOST_HISTOGRAMS = 16  # of hundreds of tensors only those somebody looks at stay in memory


class Opened:
    """One file of a run; its arrays are read once, when first asked for."""

    def __init__(self, file: RecordingFile) -> None:
        self.file = file
        self._tracks: dict[int, Track] = {}

    def names(self, series: str) -> tuple[str, ...]:
        """Of the tensors in a series."""
        return tuple(self.file.tensors[row].name for row in self.file.series[series].tensors)

    def histogram(self, series: str, tensor: str) -> NDArray[np.uint16]:
        names = self.names(series)
        if tensor not in names:
            return np.zeros((len(self.file.series[series].steps), BINS), np.uint16)
        return self.file.histogram(series, names.index(tensor))

    def scalars(self) -> dict[str, Columns]:
        """Steps, values and times of everything logged, by name."""
        rows = self.file.scalars()
        cuts = {key: rows.keys == n for n, key in enumerate(self.file.keys)}
        return {
            key: (rows.steps[cut], rows.values[cut], rows.times[cut])
            for key, cut in cuts.items()
            if cut.any()
        }

    def track(self, n: int) -> Track:
        if n not in self._tracks:
            empty = self.file.tracks[n]
            blocks = list(self.file.arrays(n))
            self._tracks[n] = joined_tracks(blocks) if blocks else empty
        return self._tracks[n]

    def end(self) -> int:
        """The last step that it has rows of."""
        parts: list[Series | Track] = [*self.file.series.values(), *self.file.tracks]
        return max((int(part.steps[-1]) for part in parts if len(part.steps)), default=0)


def joined_tracks(parts: list[Track]) -> Track:
    """One after another, as the last of them is described."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[-1],
        steps=np.concatenate([part.steps for part in parts]),
        times=np.concatenate([part.times for part in parts]),
        values=np.concatenate([part.values for part in parts]),
    )


class Rows:
    """One statistic of a series, file after file, in few arrays: each at least twice the next."""

    def __init__(self) -> None:
        self.seen = 0  # files
        self._parts: list[tuple[tuple[str, ...], NDArray[np.float32]]] = []  # names; [record, name]

    def append(self, names: tuple[str, ...], values: NDArray[np.float32]) -> None:
        self.seen += 1
        self._parts.append((names, values))
        while len(self._parts) > 1 and self._may_join(*self._parts[-2:]):
            (_, before), (_, after) = self._parts[-2:]
            self._parts[-2:] = [(names, np.concatenate([before, after]))]

    @staticmethod
    def _may_join(before: Any, after: Any) -> bool:
        return bool(before[0] == after[0] and len(before[1]) < 2 * len(after[1]))

    def of(self, tensors: list[str]) -> NDArray[np.float64]:
        """As [record, tensor]; NaN where there is no row."""
        whole = np.full((sum(len(part) for _, part in self._parts), len(tensors)), np.nan)
        start = 0
        for names, part in self._parts:
            place = {name: n for n, name in enumerate(names)}
            there = [n for n, name in enumerate(tensors) if name in place]
            wanted = part.T[[place[tensors[n]] for n in there]].T
            whole[start : start + len(part), _as_slice(there, len(tensors))] = wanted
            start += len(part)
        return whole


def _as_slice(places: list[int], many: int) -> slice | list[int]:
    """All of them as one cut, which numpy copies many times faster."""
    return slice(None) if len(places) == many else places


class Contents:
    """Of the files added so far, in their order."""

    def __init__(self) -> None:
        self.tensors: dict[str, TensorInfo] = {}
        self.having: dict[str, list[Opened]] = {}  # of each series, the files that have it
        self.tracks: dict[str, list[tuple[Opened, int]]] = {}  # of each name of arrays
        self.last_step = 0
        self._files: list[Opened] = []
        self._rows: defaultdict[tuple[str, str], Rows] = defaultdict(Rows)
        self._bins: dict[tuple[str, str], tuple[int, NDArray[np.uint16]]] = {}  # files; counts
        self._scalars: defaultdict[str, list[Columns]] = defaultdict(list)
        self._logged = 0  # files whose scalars were read
        self._steps: dict[str, tuple[int, NDArray[np.int64]]] = {}

    def add(self, opened: Opened) -> None:
        self._files.append(opened)
        self.tensors |= {tensor.name: tensor for tensor in opened.file.tensors}
        self.last_step = max(self.last_step, opened.end())
        for name in opened.file.series:
            self.having.setdefault(name, []).append(opened)
        for n, track in enumerate(opened.file.tracks):
            self.tracks.setdefault(track.name, []).append((opened, n))

    def steps(self, series: str) -> NDArray[np.int64]:
        files = self.having[series]
        many, known = self._steps.get(series, (0, np.empty(0, np.int64)))
        if many < len(files):
            new = [opened.file.series[series].steps for opened in files[many:]]
            self._steps[series] = len(files), np.concatenate([known, *new])
        return self._steps[series][1]

    def column(self, series: str, statistic: str, tensors: list[str]) -> NDArray[np.float64]:
        """One statistic of the tensors named, as [record, tensor]."""
        rows = self._rows[series, statistic]
        for opened in self.having[series][rows.seen :]:
            rows.append(opened.names(series), opened.file.column(series, statistic))
        return rows.of(tensors)

    def histogram(self, series: str, tensor: str) -> NDArray[np.int64]:
        """A tensor's histogram, as [record, bin]."""
        seen, known = self._bins.pop((series, tensor), (0, np.zeros((0, BINS), np.uint16)))
        files = self.having[series]
        new = [opened.histogram(series, tensor) for opened in files[seen:]]
        known = np.concatenate([known, *new])
        self._bins[series, tensor] = len(files), known
        while len(self._bins) > MOST_HISTOGRAMS:
            self._bins.pop(next(iter(self._bins)))
        return known.astype(np.int64)

    def scalar_names(self) -> tuple[str, ...]:
        self._read_scalars()
        return tuple(self._scalars)

    def scalar(self, name: str) -> Columns | None:
        """Steps, values and times of what was logged under a name."""
        self._read_scalars()
        if name not in self._scalars:
            return None
        parts = self._scalars[name]
        if len(parts) > 1:
            parts[:] = [tuple(np.concatenate(column) for column in zip(*parts, strict=True))]
        return parts[0]

    def _read_scalars(self) -> None:
        for opened in self._files[self._logged :]:
            for name, columns in opened.scalars().items():
                self._scalars[name].append(columns)
            self._logged += 1

    def arrays(self, name: str) -> tuple[Track, ...]:
        """The arrays under a name, one track for each shape and type of them."""
        kinds: dict[Any, list[Track]] = {}
        for opened, n in self.tracks.get(name, []):
            kinds.setdefault(opened.file.tracks[n].kind, []).append(opened.track(n))
        return tuple(joined_tracks(parts) for parts in kinds.values())
