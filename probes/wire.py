"""How the recorder talks to the scribe: frames on a pipe, plain bytes, nothing that could run."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.folder import FathomError
from probes.recording import ARRAY_TYPES, BINS, STATISTICS

MESSAGE, SCALARS, RECORD, ARRAY, BLOB, PIECE = b"M", b"S", b"R", b"A", b"B", b"P"
FRAME = struct.Struct("<cI")  # kind, bytes that follow
RECORD_HEAD = struct.Struct("<BIqd")  # series, rows, step, time
ARRAY_HEAD = struct.Struct("<Iqd")  # track, step, time
BLOB_HEAD = struct.Struct("<IQ")  # snapshot, offset
PIECE_HEAD = struct.Struct("<Q")  # offset
SCALAR = np.dtype([("step", "<i8"), ("time", "<f8"), ("key", "<u4"), ("value", "<f8")])


class Record(NamedTuple):
    """One series at one step: a row of statistics and a histogram for each tensor named."""

    series: int
    step: int
    time: float
    tensors: NDArray[np.uint32]  # [row]
    statistics: NDArray[np.float32]  # [row, statistic]
    histogram: NDArray[np.uint16]  # [row, bin]


def message(**content: Any) -> bytes:
    body = json.dumps(content).encode()
    return FRAME.pack(MESSAGE, len(body)) + body


def scalar(step: int, time: float, key: int, value: float) -> bytes:
    return _SCALAR_FRAME.pack(SCALARS, SCALAR.itemsize, step, time, key, value)


_SCALAR_FRAME = struct.Struct("<cIqdId")


def record(row: Record) -> bytes:
    head = RECORD_HEAD.pack(row.series, len(row.tensors), row.step, row.time)
    body = b"".join(
        (head, row.tensors.tobytes(), row.statistics.tobytes(), row.histogram.tobytes())
    )
    return FRAME.pack(RECORD, len(body)) + body


def read_record(body: bytes) -> Record:
    series, rows, step, time = RECORD_HEAD.unpack_from(body)
    offset = RECORD_HEAD.size
    tensors = np.frombuffer(body, "<u4", rows, offset)
    offset += tensors.nbytes
    statistics = np.frombuffer(body, "<f4", rows * len(STATISTICS), offset)
    offset += statistics.nbytes
    histogram = np.frombuffer(body, "<u2", rows * BINS, offset)
    return Record(
        series, step, time, tensors, statistics.reshape(rows, -1), histogram.reshape(rows, -1)
    )


def array(track: int, step: int, time: float, values: NDArray[Any]) -> bytes:
    """One look of a track that a message has named: `tracks=[[name, about, shape, dtype], …]`."""
    if values.dtype.name not in ARRAY_TYPES:
        raise FathomError(
            f"arrays of {values.dtype} cannot be recorded (what can: {', '.join(ARRAY_TYPES)}); "
            "convert them first."
        )
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    body = ARRAY_HEAD.pack(track, step, time) + little.tobytes()
    return FRAME.pack(ARRAY, len(body)) + body


def read_array(body: bytes) -> tuple[int, int, float, bytes]:
    """Track, step, time, and the values as bytes: what they mean stands in the track's message."""
    return (*ARRAY_HEAD.unpack_from(body), body[ARRAY_HEAD.size :])


def blob(snapshot: int, offset: int, chunk: bytes | memoryview) -> bytes:
    """A piece of a snapshot, to be written where it says."""
    head = BLOB_HEAD.pack(snapshot, offset)
    size = len(head) + memoryview(chunk).nbytes
    return b"".join((FRAME.pack(BLOB, size), head, chunk))


def read_blob(body: bytes) -> tuple[int, int, memoryview]:
    return (*BLOB_HEAD.unpack_from(body), memoryview(body)[BLOB_HEAD.size :])


def piece(offset: int, chunk: bytes | memoryview) -> bytes:
    """A piece of the loss program's tensors."""
    head = PIECE_HEAD.pack(offset)
    size = len(head) + memoryview(chunk).nbytes
    return b"".join((FRAME.pack(PIECE, size), head, chunk))


def read_piece(body: bytes) -> tuple[int, memoryview]:
    return (*PIECE_HEAD.unpack_from(body), memoryview(body)[PIECE_HEAD.size :])


class Frames:
    """Cuts a stream of bytes into frames; what is not yet whole waits."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The whole frames so far, as kind and body."""
        self._bytes += data
        start = 0
        while len(self._bytes) - start >= FRAME.size:
            kind, size = FRAME.unpack_from(self._bytes, start)
            end = start + FRAME.size + size
            if end > len(self._bytes):
                break
            yield kind, bytes(self._bytes[start + FRAME.size : end])
            start = end
        del self._bytes[:start]

    @property
    def torn(self) -> int:
        """Bytes of a frame whose rest never came."""
        return len(self._bytes)
