"""Gathers rows and binds them into segments; keeps what the disk refuses, counts what is lost."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from probes.archive import archive_run
from probes.folder import (
    ARCHIVE,
    SUMMARY,
    VERSION,
    WATCHED,
    FathomError,
    read_json,
    segment_path,
    segment_paths,
    sequence_of,
    write_json,
    write_whole,
)
from probes.recording import (
    BINS,
    STATISTICS,
    Event,
    Scalars,
    Segment,
    Series,
    TensorInfo,
    segment_image,
)
from probes.recording_file import RecordingFile
from probes.wire import MESSAGE, RECORD, SCALAR, SCALARS, Record, read_record

SOON, LATER = 2.0, 10.0  # seconds a segment stays open: while somebody looks, and otherwise
YOUNG = 60.0  # a run's first minute counts as looked at
LARGE, SMALL = 1 << 20, 16 << 10  # bytes that close a segment at once; and where little fits
KEPT = 64 << 20  # bytes kept while the disk refuses them; then the newest go
RESERVE = 64 << 10  # bytes held back, so that the last summary fits on a full disk

Unwritten = tuple[int, bytes, int]  # sequence, image, rows


class Binder:
    """The scribe's desk: rows come in, segments go out."""

    def __init__(self, folder: Path, tell: Callable[..., None]) -> None:
        self.folder, self._tell = folder, tell
        self._started = self._opened = time.time()
        self._run = str(read_json(folder / "run.json")["id"])
        self._sequence = next_sequence(folder)
        self._summary: dict[str, Any] = {
            "version": VERSION, "state": "running", "steps": 0, "records": 0, "dropped": 0,
            "scalars": {}, "scribe": os.getpid(),
        }  # fmt: skip
        with contextlib.suppress(Exception):
            self._summary.update(_kept(read_json(folder / SUMMARY)))
        self._tensors: list[TensorInfo] = []
        self._keys: list[str] = []
        self._series: list[str] = []
        self._sharing = False  # several optimizers put their rows into one step
        self._state = "killed"  # unless the recorder says goodbye
        self._unwritten: list[Unwritten] = []
        self._retry, self._large = 0.0, LARGE
        self._told: set[int | None] = set()
        self._records: dict[int, list[Record]] = {}
        self._scalars: list[bytes] = []
        self._events: list[Event] = []
        self._bytes = self._rows = self._held_back = 0
        self._reserve = folder / ".reserve"
        with contextlib.suppress(OSError):
            self._write_summary()
            self._reserve.write_bytes(b"\0" * RESERVE)

    def add(self, kind: bytes, body: bytes) -> None:
        if kind == RECORD:
            self._add_record(read_record(body))
        elif kind == SCALARS:
            self._scalars.append(body)
            self._rows += 1
        elif kind == MESSAGE:
            self._hear(json.loads(body))
        self._bytes += len(body)
        if self._bytes > self._large:
            self._bind()

    def _add_record(self, row: Record) -> None:
        rows = self._records.setdefault(row.series, [])
        if row.step > self._summary.get("last_record", -1):
            self._summary["last_record"] = row.step
            self._summary["records"] += 1
        self._summary["steps"] = max(self._summary["steps"], row.step)
        rows.append(row)
        self._rows += 1

    def _hear(self, message: dict[str, Any]) -> None:
        self._tensors += [TensorInfo(*row) for row in message.get("tensors", ())]
        self._keys += message.get("keys", ())
        self._series = message.get("series", self._series)
        self._sharing = message.get("optimizers", 1) > 1 or self._sharing
        self._state = message.get("state", self._state)
        self._summary.update(message.get("summary", {}))
        self._summary["dropped"] += message.get("dropped", 0)
        if "event" in message:
            self._events.append(Event(*message["event"]))

    def tick(self, now: float) -> None:
        """Close the open segment when its time has come; try again what the disk refused."""
        if self._rows == self._held_back and not self._events:
            self._opened = now
        elif now - self._opened >= self._patience(now):
            self._bind()
        if self._unwritten and now >= self._retry:
            self._write_again()

    def _patience(self, now: float) -> float:
        with contextlib.suppress(OSError):
            if now - (self.folder / WATCHED).stat().st_mtime < LATER:
                return SOON
        return SOON if now - self._started < YOUNG else LATER

    def _bind(self, *, whole: bool = False) -> None:
        scalars = self._take_scalars()
        self._note_last(scalars)
        segment = Segment(
            self._run,
            self._sequence,
            self._summary["dropped"],
            tuple(self._tensors),
            tuple(self._keys),
            scalars,
            {self._series[n]: stack(rows) for n, rows in self._take_records(whole).items()},
            tuple(self._events),
        )
        self._held_back = sum(map(len, self._records.values()))
        image, rows = segment_image(segment), self._rows - self._held_back
        self._opened = time.time()
        self._scalars, self._events, self._bytes, self._rows = [], [], 0, self._held_back
        self._write([(self._sequence, image, rows)])
        self._sequence += 1

    def _take_records(self, whole: bool) -> dict[int, list[Record]]:
        """The rows so far; where optimizers share a step, its rows wait for one another."""
        newest = self._summary.get("last_record", -1) if self._sharing and not whole else None
        records = self._records
        self._records = {
            n: [row for row in rows if row.step == newest] for n, rows in records.items()
        }
        taken = {n: [row for row in rows if row.step != newest] for n, rows in records.items()}
        return {n: rows for n, rows in taken.items() if rows}

    def _take_scalars(self) -> Scalars:
        rows = np.frombuffer(b"".join(self._scalars), SCALAR)
        return Scalars(*(rows[name].copy() for name in ("step", "time", "key", "value")))

    def _note_last(self, scalars: Scalars) -> None:
        for key, value in zip(scalars.keys.tolist(), scalars.values.tolist(), strict=True):
            self._summary["scalars"][self._keys[key]] = value if np.isfinite(value) else str(value)
        self._summary["steps"] = max([self._summary["steps"], *scalars.steps[-1:].tolist()])

    def _write(self, waiting: list[Unwritten]) -> None:
        """Write these. Of what the disk refuses as much is kept as fits in memory."""
        for sequence, image, rows in waiting:
            try:
                write_whole(segment_path(self.folder, sequence), image)
            except OSError as error:
                self._unwritten.append((sequence, image, rows))
                self._large = max(SMALL, min(self._large, len(image) // 2))  # less may still fit
                self._complain(error)
        while sum(len(image) for _, image, _ in self._unwritten) > KEPT:
            self._let_go(-1)
        with contextlib.suppress(OSError):
            self._write_summary()

    def _complain(self, error: OSError) -> None:
        """Tell the recorder once of each kind of failure."""
        if error.errno not in self._told:
            self._told.add(error.errno)
            self._tell(trouble=error.strerror or str(error))

    def _write_again(self) -> None:
        waiting, self._unwritten = self._unwritten, []
        self._write(waiting)
        self._retry = time.time() + SOON

    def _let_go(self, which: int) -> None:
        """Drop what cannot be kept, and count it."""
        self._summary["dropped"] += self._unwritten.pop(which)[2]

    def _write_summary(self) -> None:
        write_json(self.folder / SUMMARY, {**self._summary, "updated": time.time()})

    def close(self, *, torn: bool = False) -> None:
        """Write what there is, make one file of it, and say how it went."""
        self._summary["dropped"] += torn
        self._summary["state"] = self._state
        if self._rows or self._events:
            self._bind(whole=True)
        self._write_again()
        while self._unwritten:
            self._let_go(-1)
        with contextlib.suppress(OSError):
            self._reserve.unlink(missing_ok=True)
            self._write_summary()
        with contextlib.suppress(OSError):
            (self.folder / WATCHED).unlink(missing_ok=True)
        try:
            archive_run(self.folder)
        except (OSError, FathomError) as error:  # the segments stay, and read the same
            self._tell(trouble=f"recording.h5 not made: {error}")
        self._tell(done=True, dropped=self._summary["dropped"])


def next_sequence(folder: Path) -> int:
    """One above every segment there is or that went into the archive."""
    sequences = [sequence_of(path) for path in segment_paths(folder)]
    if (folder / ARCHIVE).exists():
        sequences.append(RecordingFile(folder / ARCHIVE).sequence)
    return max(sequences, default=-1) + 1


def _kept(summary: dict[str, Any]) -> dict[str, Any]:
    """What a resumed run goes on counting from."""
    return {
        key: summary[key]
        for key in ("steps", "records", "dropped", "scalars", "last_record")
        if key in summary
    }


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
