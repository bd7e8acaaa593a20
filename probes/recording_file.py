"""Reading a recording's files: a segment or an archive, whole, ours, and nothing but data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from probes.claims import check_claims
from probes.folder import FORMAT, VERSION, RunError
from probes.recording import (
    ARRAY_TYPES,
    BINS,
    COLUMNS,
    STATISTICS,
    TENSOR_MAJOR,
    Event,
    Scalars,
    Series,
    TensorInfo,
    Track,
)

BLOCK = 4096  # records read at once: bounds memory whatever the length of a run
ARRAY_BLOCK = 1 << 24  # bytes of arrays read at once
MOST_ROWS = 200_000  # of a table: of these each becomes an object of its own
LARGEST_EVENTS = 16 << 20  # bytes
DAMAGES = (
    *(OSError, KeyError, AttributeError, TypeError, ValueError, IndexError, RuntimeError),
    *(ArithmeticError, MemoryError),
)


class RecordingFile:
    """Read-only view of a segment or an archive: columns are read when asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path) as file:
            self.run = str(file.attrs["run"])
            self.rank = int(file.attrs.get("rank", 0))
            self.sequence = int(file.attrs["sequence"])  # of the last segment in it
            self.dropped = int(file.attrs["dropped"])
            self.tensor_major = file.attrs["order"] == TENSOR_MAJOR
            self.statistics = read_statistics(file)  # those of its version
            self.tensors, self.keys = read_tables(file)
            self.events = read_events(file)
            self.series = {name: read_axes(file, name) for name in members(file, "series")}
            self._arrays = sorted(members(file, "arrays"), key=int)
            self.tracks = tuple(read_track(file, n) for n in self._arrays)  # without their values

    def scalars(self) -> Scalars:
        with reading(self.path) as file:
            return read_scalars(file)

    def column(self, name: str, statistic: str) -> NDArray[np.float32]:
        """One statistic of every tensor, as [record, tensor]; NaN where its version had none."""
        if statistic not in self.statistics:
            axes = self.series[name]
            return np.full((len(axes.steps), len(axes.tensors)), np.nan, np.float32)
        with reading(self.path) as file:
            values = dataset(file, f"series/{name}/statistics")
            at = self.statistics.index(statistic)
            rows: NDArray[np.float32] = (
                values[:, at, :].T if self.tensor_major else values[:, :, at]
            )
            return rows

    def histogram(self, name: str, row: int) -> NDArray[np.uint16]:
        """One tensor's histogram, as [record, bin]; `row` counts the tensors of the series."""
        with reading(self.path) as file:
            values = dataset(file, f"series/{name}/histogram")
            rows: NDArray[np.uint16] = values[row].T if self.tensor_major else values[:, row]
            return rows

    def blocks(self, name: str) -> Iterator[Series]:
        """All rows of a series, some thousand records at a time."""
        axes = self.series[name]
        with reading(self.path) as file:
            for start in range(0, len(axes.steps), BLOCK):
                cut = slice(start, start + BLOCK)
                yield Series(
                    axes.steps[cut],
                    axes.times[cut],
                    axes.tensors,
                    self._widened(self._records(dataset(file, f"series/{name}/statistics"), cut)),
                    self._records(dataset(file, f"series/{name}/histogram"), cut),
                )

    def _records(self, values: h5py.Dataset, cut: slice) -> NDArray[Any]:
        """Rows of some records, as [record, tensor, …]."""
        rows: NDArray[Any] = values[:, :, cut] if self.tensor_major else values[cut]
        return np.moveaxis(rows, 2, 0) if self.tensor_major else rows

    def _widened(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """With every statistic of today in its place; NaN for one that the file's version lacks."""
        if self.statistics == STATISTICS:
            return rows
        wide = np.full((*rows.shape[:2], len(STATISTICS)), np.nan, np.float32)
        wide[:, :, [STATISTICS.index(name) for name in self.statistics]] = rows
        return wide

    def arrays(self, track: int) -> Iterator[Track]:
        """A track with its values, some megabytes at a time."""
        axes = self.tracks[track]
        with reading(self.path) as file:
            values = dataset(file, f"arrays/{self._arrays[track]}/values")
            records = max(1, ARRAY_BLOCK * len(axes.steps) // max(1, values.nbytes))
            for start in range(0, len(axes.steps), records):
                cut = slice(start, start + records)
                yield replace(
                    axes, steps=axes.steps[cut], times=axes.times[cut], values=values[cut]
                )


@contextmanager
def reading(path: Path) -> Iterator[h5py.File]:
    """An open recording; whatever in it is not as it should be is told in one line."""
    try:
        with open_recording(path) as file:
            yield file
    except RunError:
        raise
    except DAMAGES as error:
        raise RunError(
            f"'{path}' is damaged ({type(error).__name__}: {_first_line(error)}); "
            "copy it again from where it was recorded."
        ) from error


def open_recording(path: Path) -> h5py.File:
    """Open a segment or an archive for reading, or say in one line why it cannot be read."""
    try:
        if not path.is_file():
            raise RunError(f"'{path}' is not a file.")
        file = h5py.File(path, "r")
    except OSError as error:
        raise RunError(
            f"'{path}' is not a whole HDF5 file ({_first_line(error)}); "
            "copy it again from where it was recorded."
        ) from error
    found, version = file.attrs.get("format"), file.attrs.get("version", VERSION + 1)
    if found == FORMAT and version <= VERSION:
        return file
    file.close()
    if found != FORMAT:
        raise RunError(f"'{path}' is an HDF5 file, but not a Fathom recording.")
    raise RunError(
        f"'{path}' has format {version}; this Fathom reads up to {VERSION}. "
        "Upgrade it: pip install -U torch-fathom"
    )


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """A dataset of our own making: nothing that links, maps or unpacks to elsewhere."""
    node: Any = file
    for part in name.split("/"):
        if not isinstance(node.get(part, getlink=True), h5py.HardLink):
            raise RunError(f"'{file.filename}' has no '{name}'; it is not a Fathom recording.")
        node = node[part]
    if not isinstance(node, h5py.Dataset):
        raise RunError(f"'{file.filename}' has no '{name}'; it is not a Fathom recording.")
    try:
        check_claims(node, packed=name.endswith("/histogram"))
    except ValueError as error:
        raise RunError(f"'{file.filename}': '{name}' is not read: {error}.") from error
    return node


def _check_shape(
    file: h5py.File, name: str, lengths: tuple[int, int, int], tensor: NDArray[np.uint32]
) -> None:
    """Every row of statistics belongs to a step and to a tensor of the table."""
    steps, times, tensors = lengths
    widths = {"statistics": len(dataset(file, "statistics")), "histogram": BINS}
    for column, kind in (("statistics", "f"), ("histogram", "u")):
        values = dataset(file, f"series/{name}/{column}")
        shape = (steps, tensors, widths[column])
        if file.attrs["order"] == TENSOR_MAJOR:
            shape = (tensors, widths[column], steps)
        if steps != times or values.shape != shape or values.dtype.kind != kind:
            raise ValueError(f"series '{name}' has axes that do not fit its values")
    if tensors and tensor.max() >= len(dataset(file, "tensors/name")):
        raise ValueError(f"series '{name}' speaks of tensors that the table lacks")


def read_tables(file: h5py.File) -> tuple[tuple[TensorInfo, ...], tuple[str, ...]]:
    columns = [_table(file, f"tensors/{field.name}")[()] for field in fields(TensorInfo)]
    rows = zip(*(_strings(column) for column in columns), strict=True)
    tensors = tuple(TensorInfo(*row) for row in rows)
    if any(tensor.size < 0 for tensor in tensors):
        raise ValueError("a tensor of negative size")
    return tensors, tuple(_strings(_table(file, "scalars/keys")[()]))


def _table(file: h5py.File, name: str) -> h5py.Dataset:
    found = dataset(file, name)
    if found.ndim != 1 or len(found) > MOST_ROWS:
        raise ValueError(f"'{name}' is no column of a table, or has more than {MOST_ROWS:,} rows")
    return found


def read_scalars(file: h5py.File) -> Scalars:
    columns = [dataset(file, f"scalars/{COLUMNS[f.name]}")[()] for f in fields(Scalars)]
    if len({column.shape for column in columns}) > 1:
        raise ValueError("scalars of unequal length")
    return Scalars(*columns)


def read_events(file: h5py.File) -> tuple[Event, ...]:
    found = dataset(file, "events")
    if found.nbytes > LARGEST_EVENTS:
        raise ValueError(f"events of {found.nbytes:,} bytes")
    return tuple(Event(*row) for row in json.loads(found[()].tobytes()))


def members(file: h5py.File, name: str) -> tuple[str, ...]:
    """What a group of ours holds; older files lack some groups."""
    link = file.get(name, getlink=True)
    if link is None:
        return ()
    if not isinstance(link, h5py.HardLink):
        raise RunError(f"'{file.filename}': '{name}' points outside the file; it is not read.")
    if not isinstance(file[name], h5py.Group):
        raise TypeError(f"'{name}' is no group")
    return tuple(file[name])


def read_statistics(file: h5py.File) -> tuple[str, ...]:
    names = tuple(_strings(dataset(file, "statistics")[()]))
    if len(set(names)) < len(names) or not set(names) <= set(STATISTICS):
        raise ValueError("statistics that no version has")
    return names


def read_axes(file: h5py.File, name: str) -> Series:
    """A series without its values: which steps and tensors it has."""
    step, time, tensor = (_axis(file, f"series/{name}/{axis}") for axis in _AXES)
    _check_shape(file, name, (len(step), len(time), len(tensor)), tensor)
    nothing = np.zeros((0, 0, 0))
    return Series(step, time, tensor, nothing.astype(np.float32), nothing.astype(np.uint16))


_AXES = ("step", "time", "tensor")


def read_track(file: h5py.File, n: str) -> Track:
    """A track with no record, but of its shape and type; its steps and times are whole."""
    step, time = (_axis(file, f"arrays/{n}/{axis}") for axis in ("step", "time"))
    values = dataset(file, f"arrays/{n}/values")
    if values.shape[:1] != (len(step),) or len(step) != len(time):
        raise ValueError(f"track {n} has axes that do not fit its values")
    if values.dtype.name not in ARRAY_TYPES:
        raise TypeError(f"track {n} holds {values.dtype}")
    name, about = (_text(file[f"arrays/{n}"].attrs[key]) for key in ("name", "about"))
    return Track(name, about, step, time, np.zeros((0, *values.shape[1:]), values.dtype))


def _axis(file: h5py.File, name: str) -> NDArray[Any]:
    """One number for each record or tensor."""
    values: NDArray[Any] = dataset(file, name)[()]
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise ValueError(f"'{name}' is no column of numbers")
    return values


def _text(value: Any) -> str:
    if not isinstance(value, (bytes, str)):
        raise TypeError("a name that is no text")
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _strings(column: NDArray[Any]) -> list[Any]:
    if column.dtype.kind == "S":
        return [text.decode(errors="replace") for text in column.tolist()]
    return list(column.tolist())
