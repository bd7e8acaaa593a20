"""THE CONTRACT: what a run folder holds, the layout of its HDF5 files, and how they are written.

A run is a folder, and nothing in it is ever changed in place:

    run.json                        what was known at the start
    summary.json                    a few lines kept fresh; listing many runs reads only this
    segments/r0000-00000042.h5      some seconds of the recording, whole or absent
    recording.h5                    at the end: all segments as one file (see archive.py)

A segment holds

    /                attributes: format, version, run, sequence, dropped, order
    /tensors/…       one column each: name, module, module_type, role, shape, dtype, depth, …
    /scalars/…       long form: step, time, key (a row of `keys`), value; and keys
    /series/<name>/  step, time [record]; tensor (a row of /tensors);
                     statistics [record, tensor, statistic]; histogram [record, tensor, bin]
    /events          JSON, one text

Statistics are mergeable: counts, sums and squares follow from them, so that ranks and windows
can be merged when read. Names are data: never paths, never markup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from probes.folder import FORMAT, VERSION, RunError

HISTORY = {1: "gradients, weights, updates and scalars; segments, then one archive"}

STATISTICS = (
    "count",  # elements looked at: the tensor's own number, or a sample of it
    "nan",  # of these: NaN
    "posinf",  # +Inf
    "neginf",  # -Inf
    "zeros",  # zero, or too small for a normal float32
    "negatives",  # finite and below zero
    "mean",  # over the finite ones
    "std",  # over the finite ones, divided by their number: squares and sums follow exactly
    "min",
    "max",
    "norm",  # L2 over the WHOLE tensor, never a sample; NaN where it was not taken
)
BINS = 64  # of |x|: bin b counts 2^(b-48) <= |x| < 2^(b-47); the outer two take all beyond
LOWEST_OCTAVE = -48

LIBVER = ("v110", "v110")  # checksummed metadata, and older readers can still open it
RECORD_MAJOR, TENSOR_MAJOR = "record", "tensor"  # which axis of the statistics comes first
BLOCK = 4096  # records read at once: bounds memory whatever the length of a run
DAMAGES = (OSError, KeyError, AttributeError, TypeError, ValueError, IndexError, RuntimeError)
LARGEST_DATASET = 8 << 30  # bytes; a file that claims more is not one of ours


@dataclass(frozen=True)
class TensorInfo:
    """One parameter: where it lives and where in the forward pass its module came."""

    name: str
    module: str
    module_type: str
    role: (
        str  # matrix | bias | cancelled (a bias before a normalisation) | norm | embedding | other
    )
    shape: str  # "512x784"
    dtype: str
    depth: int  # rank of its module in the first forward pass
    trainable: bool

    @property
    def size(self) -> int:
        """Its number of elements."""
        return int(np.prod([int(n) for n in self.shape.split("x") if n]))


@dataclass(frozen=True)
class Series:
    """One probe's rows over some steps."""

    steps: NDArray[np.int64]  # [record]
    times: NDArray[np.float64]  # [record]
    tensors: NDArray[np.uint32]  # [tensor]  rows of the table of tensors
    statistics: NDArray[np.float32]  # [record, tensor, statistic]
    histogram: NDArray[np.uint16]  # [record, tensor, bin]


@dataclass(frozen=True)
class Scalars:
    """Logged values in long form."""

    steps: NDArray[np.int64]
    times: NDArray[np.float64]
    keys: NDArray[np.uint32]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Event:
    """Something that happened at a step: an exception, a resume, a loss of data."""

    step: int
    time: float
    kind: str
    text: str


@dataclass(frozen=True)
class Segment:
    """Some seconds of a run, complete in itself."""

    run: str
    sequence: int
    dropped: int  # rows lost so far in the run
    tensors: tuple[TensorInfo, ...]
    keys: tuple[str, ...]
    scalars: Scalars
    series: dict[str, Series]
    events: tuple[Event, ...]


def segment_image(segment: Segment) -> bytes:
    """The segment as an HDF5 file in memory: libhdf5 never sees the disk, nor its faults."""
    with h5py.File("segment", "w", driver="core", backing_store=False, libver=LIBVER) as file:
        write_head(file, segment.run, segment.sequence, segment.dropped, RECORD_MAJOR)
        write_tables(file, segment.tensors, segment.keys, segment.events)
        write_scalars(file, segment.scalars)
        for name, series in segment.series.items():
            group = file.create_group(f"series/{name}")
            for field in fields(series):
                group[_COLUMNS.get(field.name, field.name)] = getattr(series, field.name)
        file.flush()
        return bytes(file.id.get_file_image())


_COLUMNS = {"steps": "step", "times": "time", "tensors": "tensor", "keys": "key", "values": "value"}


def write_head(file: h5py.File, run: str, sequence: int, dropped: int, order: str) -> None:
    file.attrs.update(
        format=FORMAT, version=VERSION, run=run, sequence=sequence, dropped=dropped, order=order
    )


def write_tables(
    file: h5py.File,
    tensors: tuple[TensorInfo, ...],
    keys: tuple[str, ...],
    events: tuple[Event, ...],
) -> None:
    for field in fields(TensorInfo):
        column = [getattr(tensor, field.name) for tensor in tensors]
        file[f"tensors/{field.name}"] = _texts(column) if field.type == "str" else column
    file["scalars/keys"] = _texts(list(keys))
    file["statistics"] = _texts(list(STATISTICS))
    file["events"] = np.void(json.dumps([astuple(event) for event in events]).encode())


def write_scalars(file: h5py.File, scalars: Scalars, **options: Any) -> None:
    for field in fields(scalars):
        column = getattr(scalars, field.name)
        file.create_dataset(f"scalars/{_COLUMNS[field.name]}", data=column, **options)


class RecordingFile:
    """Read-only view of a segment or an archive: columns are read when asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path) as file:
            self.run = str(file.attrs["run"])
            self.sequence = int(file.attrs["sequence"])  # of the last segment in it
            self.dropped = int(file.attrs["dropped"])
            self.tensor_major = file.attrs["order"] == TENSOR_MAJOR
            self.tensors, self.keys = read_tables(file)
            self.events = read_events(file)
            self.series = {name: read_axes(file, name) for name in series_names(file)}

    def scalars(self) -> Scalars:
        with reading(self.path) as file:
            return read_scalars(file)

    def column(self, name: str, statistic: str) -> NDArray[np.float32]:
        """One statistic of every tensor, as [record, tensor]."""
        with reading(self.path) as file:
            values = dataset(file, f"series/{name}/statistics")
            at = STATISTICS.index(statistic)
            rows: NDArray[np.float32] = (
                values[:, at, :].T if self.tensor_major else values[:, :, at]
            )
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
                    self._records(dataset(file, f"series/{name}/statistics"), cut),
                    self._records(dataset(file, f"series/{name}/histogram"), cut),
                )

    def _records(self, values: h5py.Dataset, cut: slice) -> NDArray[Any]:
        """Rows of some records, as [record, tensor, …]."""
        rows: NDArray[Any] = values[:, :, cut] if self.tensor_major else values[cut]
        return np.moveaxis(rows, 2, 0) if self.tensor_major else rows


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
    found, version = file.attrs.get("format"), file.attrs.get("version", 0)
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
    if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
        raise RunError(f"'{file.filename}': '{name}' points outside the file; it is not read.")
    if node.nbytes > LARGEST_DATASET:
        raise RunError(f"'{file.filename}': '{name}' claims {node.nbytes} bytes; it is not read.")
    return node


def read_tables(file: h5py.File) -> tuple[tuple[TensorInfo, ...], tuple[str, ...]]:
    columns = [dataset(file, f"tensors/{field.name}")[()] for field in fields(TensorInfo)]
    rows = zip(*(_strings(column) for column in columns), strict=True)
    return tuple(TensorInfo(*row) for row in rows), tuple(
        _strings(dataset(file, "scalars/keys")[()])
    )


def read_scalars(file: h5py.File) -> Scalars:
    return Scalars(*(dataset(file, f"scalars/{_COLUMNS[f.name]}")[()] for f in fields(Scalars)))


def read_events(file: h5py.File) -> tuple[Event, ...]:
    return tuple(Event(*row) for row in json.loads(dataset(file, "events")[()].tobytes()))


def series_names(file: h5py.File) -> tuple[str, ...]:
    if "series" not in file:
        return ()
    if not isinstance(file.get("series", getlink=True), h5py.HardLink):
        raise RunError(f"'{file.filename}': 'series' points outside the file; it is not read.")
    return tuple(file["series"])


def read_axes(file: h5py.File, name: str) -> Series:
    """A series without its values: which steps and tensors it has."""
    step, time, tensor = (
        dataset(file, f"series/{name}/{axis}")[()] for axis in ("step", "time", "tensor")
    )
    nothing = np.zeros((0, 0, 0))
    return Series(step, time, tensor, nothing.astype(np.float32), nothing.astype(np.uint16))


def _texts(values: list[str]) -> NDArray[np.bytes_]:
    """Fixed-width bytes: HDF5's variable-length text cannot be checksummed."""
    return np.array(
        [value.encode(errors="backslashreplace") or b"\0" for value in values], dtype=np.bytes_
    ).reshape(-1)


def _strings(column: NDArray[Any]) -> list[Any]:
    if column.dtype.kind == "S":
        return [text.decode(errors="replace") for text in column.tolist()]
    return list(column.tolist())
