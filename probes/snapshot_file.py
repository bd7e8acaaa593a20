"""Snapshots: a model's weights at some steps, one file each; what has not changed is stored once.

snapshots/r0000-s000001000.h5, of rank 0 at step 1000, holds

    /         attributes: format, version, rank, step, time
    /tensors  JSON: each tensor's name, shape, dtype, bytes, hash and note; in which step's file
              its bytes are (this one, or the one in which it last changed) and where in the blob;
              or of which tensor it is another name
    /blob     the bytes of all that has changed since the snapshot before, end to end

Both carry checksums. When a file goes because the snapshots have outgrown their budget, the bytes
that later ones refer to move into the next one: where a step's file is gone, the next has them.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from probes.folder import FORMAT, VERSION, RunError
from probes.recording import LIBVER
from probes.recording_file import dataset, reading
from probes.reserved import Reserved

SNAPSHOTS = "snapshots"
CHUNK = 1 << 16  # bytes with a checksum of their own
BLOCK = 1 << 24  # bytes moved at once from file to file
_NAME = re.compile(r"r\d+-s(\d{9,18})\.h5")


@dataclass(frozen=True)
class Row:
    """One tensor of a snapshot."""

    name: str
    shape: tuple[int, ...]
    dtype: str  # as torch calls it
    bytes: int
    offset: int = 0  # in the stream that it came in; then in the blob, where this file holds it
    alias: str = ""  # the tensor that this is another name of
    note: str = ""
    hash: str = ""
    step: int = -1  # whose file got the bytes

    @property
    def content(self) -> tuple[str, tuple[int, ...], str]:
        return self.hash, self.shape, self.dtype


def snapshot_path(folder: Path, step: int, rank: int = 0) -> Path:
    return folder / SNAPSHOTS / f"r{rank:04d}-s{step:09d}.h5"


def snapshot_steps(folder: str | Path, rank: int = 0) -> tuple[int, ...]:
    """The steps that a run has snapshots of, in order."""
    paths = (Path(folder) / SNAPSHOTS).glob(f"r{rank:04d}-s*.h5")
    return tuple(sorted(int(name[1]) for path in paths if (name := _NAME.fullmatch(path.name))))


def holder(row: Row, steps: tuple[int, ...]) -> int:
    """Whose file has the bytes: the one that got them, or the next one that is still there."""
    at = bisect_left(steps, row.step)
    if at == len(steps):
        raise RunError(f"the file with the bytes of '{row.name}' (of step {row.step}) is gone")
    return steps[at]


def read_snapshot(folder: str | Path, step: int, rank: int = 0) -> dict[str, NDArray[Any]]:
    """Every tensor of the model at a step, by name; tied ones are one array.

    A type that numpy lacks comes as float32 (or complex64) of exactly the same values; of a type
    that is not known here an element comes as its bytes, along a last axis.
    """
    folder = Path(folder)
    while True:
        steps = snapshot_steps(folder, rank)
        if step not in steps:
            raise RunError(f"no snapshot of step {step} in '{folder}' ({_there_is(steps, rank)}).")
        try:
            return _read(folder, step, rank, steps)
        except RunError:
            if snapshot_steps(folder, rank) == steps:  # and no file has gone while we read
                raise


def _there_is(steps: tuple[int, ...], rank: int) -> str:
    if not steps:
        return f"there is none of rank {rank}; add probes.Snapshots() to the Recorder"
    named = map(str, steps if len(steps) < 10 else (*steps[:4], "…", *steps[-4:]))
    return f"there are: {', '.join(named)}"


def _read(folder: Path, step: int, rank: int, steps: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    _, rows = read_index(snapshot_path(folder, step, rank))
    wanted: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if not row.alias:
            wanted[holder(row, steps)].append(row)
    found: dict[str, NDArray[Any]] = {}
    for there, parts in wanted.items():
        found |= _read_from(snapshot_path(folder, there, rank), there, parts)
    if lost := [row for row in rows if (row.alias or row.name) not in found]:
        raise RunError(
            f"the snapshot of step {step} in '{folder}' lacks the bytes of '{lost[0].name}'; "
            "copy the whole run again from where it was recorded."
        )
    return {row.name: found[row.alias or row.name] for row in rows}


def _read_from(path: Path, step: int, wanted: list[Row]) -> dict[str, NDArray[Any]]:
    """Those of the wanted tensors that the file really has."""
    with reading(path) as file:
        held, blob = _held(file, step), _bytes(file, "blob")
        there = [held[row.name] for row in wanted if _same(held.get(row.name), row)]
        return {row.name: decode(_cut(blob, row), row.dtype, row.shape) for row in there}


def read_alone(path: Path) -> dict[str, NDArray[Any]]:
    """Every tensor of a file that refers to no other one."""
    rows = read_index(path)[1]
    found = _read_from(path, 0, [row for row in rows if not row.alias])
    if lost := [row for row in rows if (row.alias or row.name) not in found]:
        raise RunError(
            f"'{path}' lacks the bytes of '{lost[0].name}'; copy the whole run again from where "
            "it was recorded."
        )
    return {row.name: found[row.alias or row.name] for row in rows}


def _same(one: Row | None, other: Row) -> bool:
    return one is not None and one.content == other.content


def _cut(blob: h5py.Dataset, row: Row) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = blob[row.offset : row.offset + row.bytes]
    return found


def read_index(path: Path) -> tuple[float, list[Row]]:
    """When a snapshot was taken, and of what."""
    with reading(path) as file:
        return float(file.attrs["time"]), _rows(file)


def _rows(file: h5py.File) -> list[Row]:
    found = [Row(**row) for row in json.loads(_bytes(file, "tensors")[()].tobytes())]
    rows = [replace(row, shape=tuple(row.shape)) for row in found]
    numbers = (n for row in rows for n in (row.bytes, row.offset, *row.shape))
    if any(type(n) is not int or n < 0 for n in numbers):
        raise ValueError("a tensor of impossible size")
    if any(type(text) is not str for row in rows for text in (row.name, row.alias, row.dtype)):
        raise TypeError("a tensor whose name is no text")
    if any(type(row.step) is not int for row in rows):
        raise TypeError("a step that is no number")
    return rows


def _held(file: h5py.File, step: int) -> dict[str, Row]:
    """The tensors whose bytes are in this file: together no more than there are."""
    held = {row.name: row for row in _rows(file) if row.step == step and not row.alias}
    if sum(row.bytes for row in held.values()) > _bytes(file, "blob").nbytes:
        raise ValueError("tensors of more bytes than there are")
    return held


def _bytes(file: h5py.File, name: str) -> h5py.Dataset:
    """Bytes that are truly there: nothing that unpacks to more than the file."""
    found = dataset(file, name)
    if found.dtype != np.uint8 or found.ndim != 1:
        raise TypeError(f"'{name}' is no row of bytes")
    if found.nbytes > Path(file.filename).stat().st_size:
        raise ValueError(f"'{name}' claims more bytes than the file has")
    return found


class SnapshotWriter:
    """A snapshot's file on its way: written beside, with its room on the disk taken before."""

    def __init__(self, path: Path, rows: Iterable[Row]) -> None:
        """`rows` are of what may come, so that the room for it is known."""
        rows = list(rows)
        self._path, self._part = path, path.with_name(path.name + ".part")
        self._raw = self._part.open("w+b", buffering=0)
        size = sum(row.bytes for row in rows)
        try:
            self._disk = Reserved(self._raw, size + size // 64 + _table_room(rows) + (1 << 20))
            self._file = h5py.File(self._disk, "w", libver=LIBVER)
        except BaseException:
            self._drop()
            raise
        self._blob = self._file.create_dataset(
            "blob",
            (size,),
            np.uint8,
            chunks=(max(1, min(size, CHUNK)),),
            maxshape=(None,),
            fletcher32=True,
        )

    def write(self, at: int, data: memoryview | NDArray[np.uint8]) -> None:
        if len(data):
            self._blob[at : at + len(data)] = np.frombuffer(data, np.uint8)

    def take_over(self, path: Path, step: int, rows: list[Row], at: int) -> list[Row]:
        """Copy what another file holds, one tensor after the other from `at` on."""
        taken = []
        with reading(path) as file:
            held, blob = _held(file, step), _bytes(file, "blob")
            for row in rows:
                source = held[row.name].offset
                for start in range(0, row.bytes, BLOCK):
                    size = min(BLOCK, row.bytes - start)
                    self.write(at + start, blob[source + start : source + start + size])
                taken.append(replace(row, offset=at))
                at += row.bytes
        return taken

    def finish(self, size: int, rows: list[Row], **about: Any) -> None:
        """All has come: the file takes its name."""
        self._blob.resize((size,))
        self._file.attrs.update(format=FORMAT, version=VERSION, **about)
        table = np.frombuffer(_packed(rows), np.uint8)
        self._file.create_dataset("tensors", data=table, chunks=table.shape, fletcher32=True)
        self._file.close()
        self._disk.finish()
        self._raw.close()
        self._part.replace(self._path)

    def abandon(self) -> None:
        with contextlib.suppress(Exception):  # the file goes, whatever state it is in
            self._file.close()
        self._drop()

    def _drop(self) -> None:
        self._raw.close()
        self._part.unlink(missing_ok=True)


def _packed(rows: list[Row]) -> bytes:
    return json.dumps([asdict(row) for row in rows]).encode()


def _table_room(rows: list[Row]) -> int:
    return len(_packed(rows)) + 128 * len(rows) + CHUNK  # hashes and steps are still to come


def decode(raw: NDArray[np.uint8], dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """A tensor's bytes as numbers, each exactly the one that was stored."""
    if dtype in _NUMPY:
        return raw.view(dtype).reshape(shape)
    if dtype == "bfloat16":  # the upper half of a float32
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(shape)
    if dtype == "complex32":
        return raw.view(np.float16).astype(np.float32).view(np.complex64).reshape(shape)
    if dtype == "float8_e8m0fnu":  # powers of two, as scales of other tensors
        values = np.ldexp(np.float32(1), np.arange(255) - 127)
        return np.append(values, np.float32(np.nan))[raw].reshape(shape)
    if dtype in _FLOAT8:
        return _float8(*_FLOAT8[dtype])[raw].reshape(shape)
    return raw.reshape(*shape, raw.size // max(1, math.prod(shape)))


_NUMPY = {"bool", "float16", "float32", "float64", "complex64", "complex128"}
_NUMPY |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_FLOAT8 = {  # bits of the mantissa, bias of the exponent; which codes are infinite, which are none
    "float8_e4m3fn": (3, 7, (), (0x7F, 0xFF)),
    "float8_e4m3fnuz": (3, 8, (), (0x80,)),
    "float8_e5m2": (2, 15, (0x7C, 0xFC), (0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF)),
    "float8_e5m2fnuz": (2, 16, (), (0x80,)),
}

KNOWN = _NUMPY | _FLOAT8.keys() | {"bfloat16", "complex32", "float8_e8m0fnu"}


def _float8(
    mantissa: int, bias: int, infinite: tuple[int, ...], none: tuple[int, ...]
) -> NDArray[np.float32]:
    """The values of all 256 codes."""
    codes = np.arange(256)
    exponent, rest = (codes & 0x7F) >> mantissa, codes & (1 << mantissa) - 1
    whole = np.where(exponent > 0, rest + (1 << mantissa), rest)  # those of exponent 0 lack the 1
    values = np.ldexp(whole.astype(np.float32), np.maximum(exponent, 1) - bias - mantissa)
    values[list(infinite)], values[list(none)] = np.inf, np.nan
    signed: NDArray[np.float32] = np.where(codes & 0x80, -values, values)
    return signed
