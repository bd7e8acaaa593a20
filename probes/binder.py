"""Gathers rows and binds them into segments; keeps what the disk refuses, counts what is lost."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from probes.archive import archive_run
from probes.folder import (
    ARCHIVE,
    RUN,
    SUMMARY,
    VERSION,
    WATCHED,
    FathomError,
    of_rank,
    read_json,
    segment_path,
    segment_paths,
    sequence_of,
    write_json,
    write_whole,
)
from probes.gathering import Gathering
from probes.highlights import Highlights
from probes.recording import Segment, segment_image
from probes.recording_file import RecordingFile
from probes.wire import ARRAY, BLOB, MESSAGE, PIECE, RECORD, SCALARS, Record, read_record

if TYPE_CHECKING:
    from probes.gallery import Gallery
    from probes.program_file import ProgramDraft

SOON, LATER = 2.0, 10.0  # seconds a segment stays open: while somebody looks, and otherwise
YOUNG = 60.0  # a run's first minute counts as looked at
LARGE, SMALL = 1 << 20, 16 << 10  # bytes that close a segment at once; and where little fits
KEPT = 64 << 20  # bytes kept while the disk refuses them; then the newest go
RESERVE = 64 << 10  # bytes held back, so that the last summary fits on a full disk

Unwritten = tuple[int, bytes, int]  # sequence, image, rows


class Binder:
    """The scribe's desk: rows of one rank come in, segments go out."""

    def __init__(self, folder: Path, tell: Callable[..., None], rank: int = 0) -> None:
        self.folder, self._tell, self._rank = folder, tell, rank
        self._started = self._opened = time.time()
        self._run = str(read_json(folder / RUN)["id"])
        self._sequence = next_sequence(folder, rank)
        self._summary: dict[str, Any] = {
            "version": VERSION, "state": "running", "steps": 0, "records": 0, "dropped": 0,
            "scalars": {}, "scribe": os.getpid(),
        }  # fmt: skip
        self._summary_path = of_rank(folder / SUMMARY, rank)
        self._highlights = Highlights()
        with contextlib.suppress(Exception):
            kept = read_json(self._summary_path)
            self._summary.update(_kept(kept))
            self._highlights.resume(kept)
        self._state = "killed"  # unless the recorder says goodbye
        self._gathering, self._bytes = Gathering(), 0
        self._gallery: Gallery | None = None
        self._program: ProgramDraft | None = None
        self._unwritten: list[Unwritten] = []
        self._retry, self._large = 0.0, LARGE
        self._told: set[object] = set()
        self._reserve = of_rank(folder / ".reserve", rank)
        with contextlib.suppress(OSError):
            self._write_summary()
            self._reserve.write_bytes(b"\0" * RESERVE)

    def add(self, kind: bytes, body: bytes) -> None:
        if kind == BLOB:
            self._show(lambda gallery: gallery.add(body))
            return  # no segment's business
        if kind == PIECE:
            self._safely(lambda: self._program.add(body) if self._program else None)
            return
        if kind == RECORD:
            self._add_record(read_record(body))
        elif kind == SCALARS:
            self._gathering.add_scalar(body)
        elif kind == ARRAY:
            self._add_array(body)
        elif kind == MESSAGE:
            self._hear(json.loads(body))
        self._bytes += len(body)
        if self._bytes > self._large:
            self._bind()

    def _add_record(self, row: Record) -> None:
        if row.step > self._summary.get("last_record", -1):
            self._summary["last_record"] = row.step
            self._summary["records"] += 1
        self._summary["steps"] = max(self._summary["steps"], row.step)
        self._gathering.add_record(row)

    def _add_array(self, body: bytes) -> None:
        step = self._gathering.add_array(body)
        self._summary["dropped"] += step is None
        self._summary["steps"] = max(self._summary["steps"], step or 0)

    def _hear(self, message: dict[str, Any]) -> None:
        self._gathering.hear(message)
        self._state = message.get("state", self._state)
        self._summary.update(message.get("summary", {}))
        self._summary["dropped"] += message.get("dropped", 0)
        if message.get("bind"):
            self._bind()
            self._tell(bound=True)
        if "snapshot" in message:
            self._show(lambda gallery: gallery.begin(message["snapshot"]))
        if "program" in message:
            self._safely(lambda: self._begin_program(message["program"]))

    def _show(self, act: Callable[[Gallery], None]) -> None:
        """Leave to the gallery what is its."""

        def show() -> None:
            if self._gallery is None:
                from probes.gallery import Gallery  # most runs have none

                self._gallery = Gallery(self.folder, self._rank)
            act(self._gallery)

        self._safely(show)

    def _begin_program(self, head: dict[str, Any]) -> None:
        from probes.program_file import ProgramDraft

        self._program = ProgramDraft(self.folder, head)

    def _safely(self, act: Callable[[], None]) -> None:
        """A snapshot or a program that fails takes no row with it."""
        try:
            act()
        except Exception as error:
            self._complain(error)

    def tick(self, now: float) -> None:
        """Close the open segment when its time has come; try again what the disk refused."""
        if self._gathering.is_empty:
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
        segment, rows = self._gathering.bind(
            whole=whole,
            run=self._run,
            rank=self._rank,
            sequence=self._sequence,
            dropped=self._summary["dropped"],
        )
        self._note_last(segment)
        self._opened, self._bytes = time.time(), 0
        self._write([(self._sequence, segment_image(segment), rows)])
        self._sequence += 1

    def _note_last(self, segment: Segment) -> None:
        scalars = segment.scalars
        for key, value in zip(scalars.keys.tolist(), scalars.values.tolist(), strict=True):
            name = segment.keys[key]
            self._summary["scalars"][name] = value if np.isfinite(value) else str(value)
        self._summary["steps"] = max([self._summary["steps"], *scalars.steps[-1:].tolist()])
        self._safely(lambda: self._highlights.add(scalars, segment.keys))

    def _write(self, waiting: list[Unwritten]) -> None:
        """Write these. Of what the disk refuses as much is kept as fits in memory."""
        for sequence, image, rows in waiting:
            try:
                write_whole(segment_path(self.folder, sequence, self._rank), image)
            except OSError as error:
                self._unwritten.append((sequence, image, rows))
                self._large = max(SMALL, min(self._large, len(image) // 2))  # less may still fit
                self._complain(error)
        while sum(len(image) for _, image, _ in self._unwritten) > KEPT:
            self._let_go(-1)
        with contextlib.suppress(OSError):
            self._write_summary()

    def _complain(self, error: Exception) -> None:
        """Tell the recorder once of each kind of failure."""
        kind = getattr(error, "errno", None) or type(error)
        if kind not in self._told:
            self._told.add(kind)
            self._tell(trouble=getattr(error, "strerror", None) or str(error))

    def _write_again(self) -> None:
        waiting, self._unwritten = self._unwritten, []
        self._write(waiting)
        self._retry = time.time() + SOON

    def _let_go(self, which: int) -> None:
        """Drop what cannot be kept, and count it."""
        self._summary["dropped"] += self._unwritten.pop(which)[2]

    def _write_summary(self) -> None:
        told = {**self._summary, **self._highlights.told(), "updated": time.time()}
        write_json(self._summary_path, told)

    def close(self, *, torn: bool = False) -> None:
        """Write what there is, make one file of it, and say how it went."""
        self._summary["dropped"] += torn
        self._summary["state"] = self._state
        if not self._gathering.is_over:
            self._bind(whole=True)
        self._write_again()
        while self._unwritten:
            self._let_go(-1)
        if self._gallery is not None:
            self._show(lambda gallery: gallery.close())
        if self._program is not None:
            self._safely(self._program.close)
        with contextlib.suppress(OSError):
            self._reserve.unlink(missing_ok=True)
            self._write_summary()
        with contextlib.suppress(OSError):
            if not self._rank:  # the others may still be watched
                (self.folder / WATCHED).unlink(missing_ok=True)
        try:
            archive_run(self.folder, self._rank)
        except (OSError, FathomError) as error:  # the segments stay, and read the same
            self._tell(trouble=f"{ARCHIVE} not made: {error}")
        self._tell(done=True, dropped=self._summary["dropped"])


def next_sequence(folder: Path, rank: int = 0) -> int:
    """One above every segment of a rank that there is or that went into its archive."""
    sequences = [sequence_of(path) for path in segment_paths(folder, rank)]
    archive = of_rank(folder / ARCHIVE, rank)
    if archive.exists():
        sequences.append(RecordingFile(archive).sequence)
    return max(sequences, default=-1) + 1


def _kept(summary: dict[str, Any]) -> dict[str, Any]:
    """What a resumed run goes on counting from."""
    return {
        key: summary[key]
        for key in ("steps", "records", "dropped", "scalars", "last_record")
        if key in summary
    }
