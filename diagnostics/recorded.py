"""What a recording holds, and what it takes on disk: counted, hardly anything of it is read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from diagnostics.run import Run
from probes.folder import ARCHIVE, SEGMENTS

# of a run's folder, by the beginning of a file's place in it; what is first fits
PARTS = {
    "recording": (Path(ARCHIVE).stem, SEGMENTS),
    "snapshots of the weights": ("snapshots",),
    "results computed since": ("results", "listing"),
    "loss program and batch": ("program",),
    "words about the run": ("",),
}
MOST_FILES = 20_000  # a folder of a stranger's may hold anything


@dataclass(frozen=True)
class SeriesRecorded:
    """How often, and at how many tensors, something was looked at."""

    name: str
    records: int
    tensors: int
    first: int  # step
    last: int


@dataclass(frozen=True)
class ScalarLogged:
    """How often a number was logged."""

    name: str
    values: int
    first: int  # step
    last: int


@dataclass(frozen=True)
class Room:
    """What one part of the folder takes."""

    part: str
    files: int
    size: int  # bytes


@dataclass(frozen=True)
class Recorded:
    """All that there is."""

    series: tuple[SeriesRecorded, ...]
    scalars: tuple[ScalarLogged, ...]
    arrays: tuple[str, ...]
    snapshots: int
    events: tuple[tuple[str, int], ...]  # of each kind how many
    rooms: tuple[Room, ...]

    @property
    def size(self) -> int:
        """Bytes of the whole folder."""
        return sum(room.size for room in self.rooms)


def recorded(run: Run) -> Recorded:
    """As far as the run has been read."""
    return Recorded(
        tuple(_series(run)),
        tuple(_scalars(run)),
        run.array_names,
        len(run.snapshots),
        tuple(Counter(event.kind for event in run.events).most_common()),
        rooms(run.path),
    )


def _series(run: Run) -> Iterator[SeriesRecorded]:
    for name in run.series:
        steps = run.steps(name)
        if len(steps):
            ends = int(steps[0]), int(steps[-1])
            yield SeriesRecorded(name, len(steps), _tensors(run, name), *ends)


def _tensors(run: Run, series: str) -> int:
    """Of the fullest file: of thousands of segments it would take long to compare the names."""
    return max(
        len(opened.file.series[series].tensors)
        for rank in run._ranks.values()
        if series in rank.series
        for opened in rank.having(series)
    )


def _scalars(run: Run) -> Iterator[ScalarLogged]:
    for name in run.logged:
        steps = run.scalar(name).steps
        if len(steps):
            yield ScalarLogged(name, len(steps), int(steps[0]), int(steps[-1]))


def rooms(folder: Path) -> tuple[Room, ...]:
    """What each part of a run's folder takes; parts that are not there are left out."""
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for place, size in _files(folder):
        part = next(part for part, heads in PARTS.items() if place.startswith(heads))
        files[part] += 1
        sizes[part] += size
    return tuple(Room(part, files[part], sizes[part]) for part in PARTS if files[part])


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """Their places and sizes; one level down is all that a run has, and links lead elsewhere."""
    left = MOST_FILES
    for inside in ("", *_folders(folder)):
        with suppress(OSError), os.scandir(folder / inside) as found:
            for entry in found:
                if left and entry.is_file(follow_symlinks=False):
                    left -= 1
                    size = entry.stat(follow_symlinks=False).st_size
                    yield (f"{inside}/{entry.name}" if inside else entry.name), size


def _folders(folder: Path) -> list[str]:
    with suppress(OSError), os.scandir(folder) as found:
        return sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))
    return []
