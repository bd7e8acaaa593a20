"""What has come since the last segment, and the tables that give it names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from probes.recording import (
    ARRAY_TYPES,
    BINS,
    STATISTICS,
    Event,
    Scalars,
    Segment,
    Series,
    TensorInfo,
    Track,
)
from probes.wire import SCALAR, Record, read_array

AXES = 30  # HDF5 knows 32, of which one counts the records

Look = tuple[int, float, bytes]  # step, time, values


class Gathering:
    """Rows as they come, until a segment takes them; names stay for the segments that follow."""

    def __init__(self) -> None:
        self._tensors: list[TensorInfo] = []
        self._keys: list[str] = []
        self._series: list[str] = []
        self._tracks: list[_Heading] = []
        self._sharing = False  # several optimizers put their rows into one step
        self._newest = -1
        self._records: dict[int, list[Record]] = {}
        self._scalars: list[bytes] = []
        self._looks: dict[int, list[Look]] = {}
        self._events: list[Event] = []
        self._rows = self._held_back = 0

    def hear(self, message: dict[str, Any]) -> None:
        self._tensors += [TensorInfo(*row) for row in message.get("tensors", ())]
        self._keys += message.get("keys", ())
        self._series = message.get("series", self._series)
        self._tracks += [_Heading(*row) for row in message.get("tracks", ())]
        self._sharing = message.get("optimizers", 1) > 1 or self._sharing
        if "event" in message:
            self._events.append(Event(*message["event"]))

    def add_record(self, row: Record) -> None:
        self._newest = max(self._newest, row.step)
        self._records.setdefault(row.series, []).append(row)
        self._rows += 1

    def add_scalar(self, body: bytes) -> None:
        self._scalars.append(body)
        self._rows += 1

    def add_array(self, body: bytes) -> int | None:
        """Its step; or None where it is not what its track promised, and would spoil a file."""
        track, step, time, values = read_array(body)
        if not _fits(self._tracks[track], values):
            return None
        self._looks.setdefault(track, []).append((step, time, values))
        self._rows += 1
        return step

    @property
    def is_empty(self) -> bool:
        """Is there nothing that could go into a segment now?"""
        return self._rows == self._held_back and not self._events

    @property
    def is_over(self) -> bool:
        """Is there nothing at all?"""
        return not self._rows and not self._events

    def bind(self, *, whole: bool, **head: Any) -> tuple[Segment, int]:
        """All that may go into a segment now, as one with this head, and how many rows it has."""
        segment = Segment(
            tensors=tuple(self._tensors),
            keys=tuple(self._keys),
            scalars=self._take_scalars(),
            series={self._series[n]: stack(rows) for n, rows in self._take_records(whole).items()},
            events=tuple(self._events),
            tracks=tuple(_stacked(self._tracks[n], looks) for n, looks in self._looks.items()),
            **head,
        )
        self._held_back = sum(map(len, self._records.values()))
        rows = self._rows - self._held_back
        self._scalars, self._looks, self._events, self._rows = [], {}, [], self._held_back
        return segment, rows

    def _take_records(self, whole: bool) -> dict[int, list[Record]]:
        """The rows so far; where optimizers share a step, its rows wait for one another."""
        newest = self._newest if self._sharing and not whole else None
        records = self._records
        self._records = {
            n: [row for row in rows if row.step == newest] for n, rows in records.items()
        }
        taken = {n: [row for row in rows if row.step != newest] for n, rows in records.items()}
        return {n: rows for n, rows in taken.items() if rows}

    def _take_scalars(self) -> Scalars:
        rows = np.frombuffer(b"".join(self._scalars), SCALAR)
        return Scalars(*(rows[name].copy() for name in ("step", "time", "key", "value")))


def stack(rows: list[Record]) -> Series:
    """Rows of one series as one block; of two looks at a tensor in one step the later counts."""
    steps, first, at = np.unique([row.step for row in rows], return_index=True, return_inverse=True)
    tensors = np.unique(np.concatenate([row.tensors for row in rows]))
    statistics = np.full((len(steps), len(tensors), len(STATISTICS)), np.nan, np.float32)
    statistics[:, :, 0] = 0  # not looked at: none of its elements counted
    histogram = np.zeros((len(steps), len(tensors), BINS), np.uint16)
    for row, record in zip(rows, at.tolist(), strict=True):
        place = np.searchsorted(tensors, row.tensors)
        statistics[record, place] = row.statistics
        histogram[record, place] = row.histogram
    times = np.array([rows[n].time for n in first])
    return Series(steps.astype(np.int64), times, tensors, statistics, histogram)


@dataclass(frozen=True)
class _Heading:
    """What a message says of a track."""

    name: str
    about: str
    shape: list[int]
    dtype: str


def _fits(track: _Heading, values: bytes) -> bool:
    known = track.dtype in ARRAY_TYPES and len(track.shape) <= AXES
    return known and len(values) == math.prod(track.shape) * np.dtype(track.dtype).itemsize


def _stacked(track: _Heading, looks: list[Look]) -> Track:
    steps, times, values = zip(*looks, strict=True)
    rows = np.frombuffer(b"".join(values), np.dtype(track.dtype).newbyteorder("<"))
    return Track(
        track.name,
        track.about,
        np.array(steps, np.int64),
        np.array(times),
        rows.reshape(len(looks), *track.shape),
    )
