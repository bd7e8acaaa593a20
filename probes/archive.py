"""A finished run as one file: all segments, tensor-major, so that one series is read in one go.

`recording.h5` has a segment's layout but for the order of axes:

    /series/<name>/statistics   [tensor, statistic, record]
    /series/<name>/histogram    [tensor, bin, record]

Statistics, histograms and scalars carry checksums; steps are dimension scales, so that other
readers see named axes.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from probes.folder import ARCHIVE, RunError, of_rank, segment_paths
from probes.recording import (
    BINS,
    LIBVER,
    STATISTICS,
    TENSOR_MAJOR,
    Event,
    Scalars,
    Series,
    TensorInfo,
    Track,
    write_axes,
    write_head,
    write_scalars,
    write_tables,
)
from probes.recording_file import BLOCK, RecordingFile
from probes.reserved import Reserved

CHUNK_BYTES = 1 << 16


def archive_run(folder: Path, rank: int = 0) -> None:
    """Make one file of a rank's segments (and of an earlier archive); then the segments go."""
    archive, whole = of_rank(folder / ARCHIVE, rank), readable(segment_paths(folder, rank))
    earlier = [RecordingFile(archive)] if archive.exists() else []
    known = earlier[0].sequence if earlier else -1
    fresh = [file for file in whole if file.sequence > known]
    if fresh:
        _write_beside(archive, earlier + fresh)
    for file in whole:  # what is damaged stays where it is
        file.path.unlink()


def readable(paths: list[Path]) -> list[RecordingFile]:
    """Those files that are whole: a power cut may leave one that is not."""
    files = []
    for path in paths:
        with contextlib.suppress(RunError):
            file = RecordingFile(path)
            file.scalars()
            files.append(file)
    return files


def _write_beside(path: Path, sources: list[RecordingFile]) -> None:
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w+b", buffering=0) as raw:
            disk = Reserved(raw, _largest_size(sources))
            with h5py.File(disk, "w", libver=LIBVER) as file:
                _fill(file, sources)
            disk.finish()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _largest_size(sources: list[RecordingFile]) -> int:
    """Bytes that the archive surely fits in: every row, chunks half empty, nothing packed."""
    tensors = len({tensor.name for source in sources for tensor in source.tensors})
    records = sum(len(series.steps) for source in sources for series in source.series.values())
    row = tensors * (4 * len(STATISTICS) + 2 * BINS)
    tracks = sum(len(source.tracks) for source in sources)
    files = sum(source.path.stat().st_size for source in sources)
    return 2 * records * row + 2 * files + tracks * 4096 + (1 << 20)


@dataclass
class _Union:
    """The tables of several sources as one."""

    tensors: tuple[TensorInfo, ...]
    keys: tuple[str, ...]

    @classmethod
    def of(cls, sources: list[RecordingFile]) -> _Union:
        tensors = {tensor.name: tensor for source in sources for tensor in source.tensors}
        keys = dict.fromkeys(key for source in sources for key in source.keys)
        return cls(tuple(tensors.values()), tuple(keys))

    def tensor_rows(self, source: RecordingFile) -> NDArray[np.uint32]:
        place = {tensor.name: row for row, tensor in enumerate(self.tensors)}
        return np.array([place[tensor.name] for tensor in source.tensors], np.uint32)

    def key_rows(self, source: RecordingFile) -> NDArray[np.uint32]:
        place = {key: row for row, key in enumerate(self.keys)}
        return np.array([place[key] for key in source.keys], np.uint32)


def _fill(file: h5py.File, sources: list[RecordingFile]) -> None:
    union = _Union.of(sources)
    events: tuple[Event, ...] = tuple(event for source in sources for event in source.events)
    write_head(file, sources[-1], TENSOR_MAJOR)
    write_tables(file, union.tensors, union.keys, events)
    scalars = _join_scalars(sources, union)
    options = {"fletcher32": True} if len(scalars.steps) else {}
    write_scalars(file, scalars, **options)
    names = dict.fromkeys(name for source in sources for name in source.series)
    for name in names:
        _fill_series(file, name, [s for s in sources if name in s.series], union)
    for n, parts in enumerate(_same_tracks(sources).values()):
        _fill_track(file, n, parts)


def _join_scalars(sources: list[RecordingFile], union: _Union) -> Scalars:
    parts = [_scalars_of(source, union) for source in sources]
    return Scalars(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.values for part in parts]),
    )


def _scalars_of(source: RecordingFile, union: _Union) -> Scalars:
    scalars = source.scalars()
    return replace(scalars, keys=union.key_rows(source)[scalars.keys])


def _fill_series(file: h5py.File, name: str, sources: list[RecordingFile], union: _Union) -> None:
    used = [union.tensor_rows(source)[source.series[name].tensors] for source in sources]
    tensors = np.unique(np.concatenate(used))
    steps = np.concatenate([source.series[name].steps for source in sources])
    times = np.concatenate([source.series[name].times for source in sources])
    group = file.create_group(f"series/{name}")
    for column, values in (("step", steps), ("time", times), ("tensor", tensors)):
        group[column] = values
        group[column].make_scale(column)
    group["statistic"] = [name.encode() for name in STATISTICS]
    group["statistic"].make_scale("statistic")
    statistics = _create(group, "statistics", (len(tensors), len(STATISTICS), len(steps)), "f4")
    histogram = _create(group, "histogram", (len(tensors), BINS, len(steps)), "u2")
    start = 0
    for block in _blocks(sources, used, tensors, name):
        cut = slice(start, start + len(block.steps))
        statistics[:, :, cut] = np.moveaxis(block.statistics, 0, 2)
        histogram[:, :, cut] = np.moveaxis(block.histogram, 0, 2)
        start = cut.stop


Place = tuple[RecordingFile, int]  # where a track is: in which file, and which of its tracks


def _same_tracks(sources: list[RecordingFile]) -> dict[Any, list[Place]]:
    """Each track's places: of one name, meaning, shape and dtype."""
    found: dict[Any, list[Place]] = defaultdict(list)
    for source in sources:
        for n, track in enumerate(source.tracks):
            found[track.kind].append((source, n))
    return found


def _fill_track(file: h5py.File, n: int, places: list[Place]) -> None:
    parts = [source.tracks[at] for source, at in places]
    steps = np.concatenate([part.steps for part in parts])
    times = np.concatenate([part.times for part in parts])
    group = write_axes(file, n, replace(parts[-1], steps=steps, times=times))
    shape = (len(steps), *parts[0].values.shape[1:])
    values = group.create_dataset(
        "values", shape, parts[0].values.dtype, **_summed(parts[0], shape)
    )
    start = 0
    for source, at in places:
        for block in source.arrays(at):
            values[start : start + len(block.steps)] = block.values
            start += len(block.steps)


def _summed(track: Track, shape: tuple[int, ...]) -> dict[str, Any]:
    """Checksums go with chunks, and those with a size."""
    row = track.values.dtype.itemsize * math.prod(shape[1:])
    if not row * shape[0]:
        return {}
    return {"chunks": (min(shape[0], -(-CHUNK_BYTES // row)), *shape[1:]), "fletcher32": True}


def _create(group: h5py.Group, name: str, shape: tuple[int, int, int], kind: str) -> h5py.Dataset:
    """Chunks of about 64 KB that one series, or one statistic of many tensors, fills."""
    columns = BINS if name == "histogram" else 1
    records = max(1, min(shape[2], CHUNK_BYTES // (4 * columns)))
    rows = max(1, min(shape[0], CHUNK_BYTES // (4 * columns * records)))
    data = group.create_dataset(
        name,
        shape,
        kind,
        chunks=(rows, columns, records),
        fletcher32=True,
        **(_PACKED if name == "histogram" else {}),
    )
    for axis, scale in _SCALES[name].items():
        data.dims[axis].attach_scale(group[scale])
    return data


_PACKED = {"compression": "gzip", "compression_opts": 1, "shuffle": True}  # mostly empty bins
_SCALES = {
    "statistics": {0: "tensor", 1: "statistic", 2: "step"},
    "histogram": {0: "tensor", 2: "step"},
}


def _blocks(
    sources: list[RecordingFile],
    used: list[NDArray[np.uint32]],
    tensors: NDArray[np.uint32],
    name: str,
) -> Iterator[Series]:
    """Every source's rows at their place among all tensors, in blocks worth a write."""
    waiting: list[Series] = []
    for source, rows in zip(sources, used, strict=True):
        place = np.searchsorted(tensors, rows)
        for part in source.blocks(name):
            waiting.append(_spread(part, place, len(tensors)))
            if sum(len(block.steps) for block in waiting) >= BLOCK:
                yield _joined(waiting)
                waiting = []
    if waiting:
        yield _joined(waiting)


def _spread(part: Series, place: NDArray[np.intp], width: int) -> Series:
    records = len(part.steps)
    statistics = np.full((records, width, len(STATISTICS)), np.nan, np.float32)
    statistics[:, :, 0] = 0  # a tensor that was not looked at: none of its elements counted
    statistics[:, place] = part.statistics
    histogram = np.zeros((records, width, BINS), np.uint16)
    histogram[:, place] = part.histogram
    return replace(part, statistics=statistics, histogram=histogram)


def _joined(parts: list[Series]) -> Series:
    return Series(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times for part in parts]),
        parts[0].tensors,
        np.concatenate([part.statistics for part in parts]),
        np.concatenate([part.histogram for part in parts]),
    )


def last_step(folder: Path, rank: int = 0) -> int:
    """The last step that a rank's files hold: its summary may be older."""
    path = of_rank(folder / ARCHIVE, rank)
    archive = [RecordingFile(path)] if path.exists() else []
    return max([0, *(_end(file) for file in archive + readable(segment_paths(folder, rank)))])


def _end(file: RecordingFile) -> int:
    steps = [file.scalars().steps, *(series.steps for series in file.series.values())]
    steps += [track.steps for track in file.tracks]
    return max((int(part.max()) for part in steps if len(part)), default=0)
