"""A finished run as one file: all segments, tensor-major, so that one series is read in one go.

`recording.h5` has a segment's layout but for the order of axes:

    /series/<name>/statistics   [tensor, statistic, record]
    /series/<name>/histogram    [tensor, bin, record]

Statistics, histograms and scalars carry checksums; steps are dimension scales, so that other
readers see named axes.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from probes.folder import ARCHIVE, RunError, segment_paths
from probes.recording import (
    BINS,
    LIBVER,
    STATISTICS,
    TENSOR_MAJOR,
    Event,
    Scalars,
    Series,
    TensorInfo,
    write_head,
    write_scalars,
    write_tables,
)
from probes.recording_file import BLOCK, RecordingFile

CHUNK_BYTES = 1 << 16


def archive_run(folder: Path) -> None:
    """Make one file of the segments (and of an earlier archive); then the segments go."""
    archive, whole = folder / ARCHIVE, readable(segment_paths(folder))
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
            disk = _Reserved(raw, _largest_size(sources))
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
    return 2 * records * row + 2 * sum(source.path.stat().st_size for source in sources) + (1 << 20)


class _Reserved(io.RawIOBase):
    """A file whose room is taken before libhdf5 writes: a failed write would end the process."""

    def __init__(self, raw: io.FileIO, size: int) -> None:
        self._raw, self._end = raw, 0
        self._failure: OSError | None = None
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(raw.fileno(), 0, size)

    def finish(self) -> None:
        """Give back the room not used; raise what went wrong on the way."""
        if self._failure is not None:
            raise self._failure
        self._raw.truncate(self._end)
        os.fsync(self._raw.fileno())

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        try:
            done = 0
            while done < len(view):
                done += self._raw.write(view[done:])
            self._end = max(self._end, self._raw.tell())
        except OSError as error:
            self._failure = error
        return len(view)

    def readinto(self, buffer: Any) -> int:
        return self._raw.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._raw.seek(self._end + offset)
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def truncate(self, size: int | None = None) -> int:
        self._end = self.tell() if size is None else size
        return self._end

    def readable(self) -> bool:
        return True

    writable = seekable = readable


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
    last = sources[-1]
    write_head(file, last.run, last.sequence, last.dropped, TENSOR_MAJOR)
    write_tables(file, union.tensors, union.keys, events)
    scalars = _join_scalars(sources, union)
    options = {"fletcher32": True} if len(scalars.steps) else {}
    write_scalars(file, scalars, **options)
    names = dict.fromkeys(name for source in sources for name in source.series)
    for name in names:
        _fill_series(file, name, [s for s in sources if name in s.series], union)


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


def last_step(folder: Path) -> int:
    """The last step that a run holds, by its files: its summary may be older."""
    archive = [RecordingFile(folder / ARCHIVE)] if (folder / ARCHIVE).exists() else []
    return max([0, *(_end(file) for file in archive + readable(segment_paths(folder)))])


def _end(file: RecordingFile) -> int:
    steps = [file.scalars().steps, *(series.steps for series in file.series.values())]
    return max((int(part.max()) for part in steps if len(part)), default=0)
