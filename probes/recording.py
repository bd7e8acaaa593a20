"""THE CONTRACT: what a run folder holds, the layout of its HDF5 files, and how they are written.

A run is a folder, and nothing in it is ever changed in place:

    run.json                        what was known at the start
    summary.json                    a few lines kept fresh; listing many runs reads only this
    listing.json, tags.json         made by whoever looks: verdicts for lists of runs, and tags
    segments/r0000-00000042.h5      some seconds of the recording, whole or absent
    recording.h5                    at the end: all segments as one file (see archive.py)
    snapshots/r0000-s000001000.h5   the weights at a step (see snapshot_file.py)
    program.json, program.h5        the model and its loss as data, and a batch (program_file.py)

A training of several processes records into one folder. Rank 0 makes it, and its files are named
as above; rank 1 writes summary-r0001.json, segments/r0001-…h5 and recording-r0001.h5, and so on.

A segment holds

    /                attributes: format, version, run, rank, sequence, dropped, order
    /statistics      the names of the columns of every series' statistics, in their order
    /tensors/…       one column each: name, module, module_type, role, shape, dtype, depth, …;
                     a module's output stands beside the parameters: role `output`, and a name
                     such as "encoder.0" or, where there are several, "lstm[0]"
    /scalars/…       long form: step, time, key (a row of `keys`), value; and keys
    /series/<name>/  step, time [record]; tensor (a row of /tensors);
                     statistics [record, tensor, statistic]; histogram [record, tensor, bin]
    /arrays/<n>/     attributes: name, about; step, time [record]; values [record, …] of any shape;
                     the same name with another shape or dtype is another of these
    /events          JSON, one text

Statistics are mergeable: counts, sums and squares follow from them, so that ranks and windows
are merged when read (see merging.py). Names are data: never paths, never markup.
"""

from __future__ import annotations

import json
import math
from dataclasses import astuple, dataclass, fields
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from probes.folder import FORMAT, VERSION

HISTORY = {
    1: "gradients, weights, updates and scalars; segments, then one archive",
    2: "outputs of modules; the statistics low and high; arrays of any shape; files of each rank",
}

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
    "low",  # of those looked at, within 3 % of the least value that their function can give
    "high",  # and of the greatest; NaN where it has no such limit
)
ARRAY_TYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
)
BINS = 64  # of |x|: bin b counts 2^(b-48) <= |x| < 2^(b-47); the outer two take all beyond
LOWEST_OCTAVE = -48

LIBVER = ("v110", "v110")  # checksummed metadata, and older readers can still open it
RECORD_MAJOR, TENSOR_MAJOR = "record", "tensor"  # which axis of the statistics comes first


@dataclass(frozen=True)
class TensorInfo:
    """One parameter or module output: where it lives, and when in the forward pass it came."""

    name: str  # of an output: its module's, as "encoder.0"; of several outputs: "lstm[0]"
    module: str
    module_type: str
    role: str  # matrix | bias | cancelled (a bias before a normalisation) | norm | embedding |
    #            output (of a module) | other
    shape: str  # "512x784"
    dtype: str
    depth: int  # rank of its module in the first forward pass
    trainable: bool

    @property
    def size(self) -> int:
        """Its number of elements."""
        return math.prod(int(n) for n in self.shape.split("x") if n)


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
class Track:
    """Arrays of one shape and type under one name, step by step."""

    name: str
    about: str  # what the values are, in words
    steps: NDArray[np.int64]  # [record]
    times: NDArray[np.float64]  # [record]
    values: NDArray[Any]  # [record, …]

    @property
    def kind(self) -> tuple[str, str, tuple[int, ...], str]:
        """What makes it one track."""
        return self.name, self.about, self.values.shape[1:], self.values.dtype.name


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
    tracks: tuple[Track, ...] = ()
    rank: int = 0


def segment_image(segment: Segment) -> bytes:
    """The segment as an HDF5 file in memory: libhdf5 never sees the disk, nor its faults."""
    with h5py.File("segment", "w", driver="core", backing_store=False, libver=LIBVER) as file:
        write_head(file, segment, RECORD_MAJOR)
        write_tables(file, segment.tensors, segment.keys, segment.events)
        write_scalars(file, segment.scalars)
        for name, series in segment.series.items():
            group = file.create_group(f"series/{name}")
            for field in fields(series):
                group[COLUMNS.get(field.name, field.name)] = getattr(series, field.name)
        for n, track in enumerate(segment.tracks):
            write_axes(file, n, track)["values"] = track.values
        file.flush()
        return bytes(file.id.get_file_image())


COLUMNS = {"steps": "step", "times": "time", "tensors": "tensor", "keys": "key", "values": "value"}


class Head(Protocol):
    """What a file says of itself; a segment knows it, and so does a file that was read."""

    @property
    def run(self) -> str: ...
    @property
    def rank(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def dropped(self) -> int: ...


def write_head(file: h5py.File, head: Head, order: str) -> None:
    file.attrs.update(format=FORMAT, version=VERSION, order=order)
    file.attrs.update(run=head.run, rank=head.rank, sequence=head.sequence, dropped=head.dropped)


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
        file.create_dataset(f"scalars/{COLUMNS[field.name]}", data=column, **options)


def write_axes(file: h5py.File, n: int, track: Track) -> h5py.Group:
    """A track without its values; its name is an attribute, for as a path it could lead away."""
    group = file.create_group(f"arrays/{n}")
    for name in ("name", "about"):
        group.attrs[name] = _texts([getattr(track, name)])[0]
    group["step"], group["time"] = track.steps, track.times
    return group


def _texts(values: list[str]) -> NDArray[np.bytes_]:
    """Fixed-width bytes: HDF5's variable-length text cannot be checksummed."""
    return np.array(
        [value.encode(errors="backslashreplace") or b"\0" for value in values], dtype=np.bytes_
    ).reshape(-1)
