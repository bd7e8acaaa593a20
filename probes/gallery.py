"""The scribe's side of snapshots: gathers them as they come, stores what is new, keeps the best.

When they outgrow their budget, the one goes that is missed least: what stays is spread over the
run like the steps of a logarithmic scale, and the first and the last always stay.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from probes.folder import RunError
from probes.snapshot_file import (
    SNAPSHOTS,
    Row,
    SnapshotWriter,
    holder,
    read_index,
    snapshot_path,
    snapshot_steps,
)
from probes.wire import read_blob

NOTHING: Mapping[str, Row] = {}


class Gallery:
    """One rank's snapshots."""

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self._folder, self._rank = folder, rank
        self._draft: Draft | None = None
        self._budget = 0
        for left in (folder / SNAPSHOTS).glob(f"r{rank:04d}-*.part"):  # by a scribe that was killed
            left.unlink(missing_ok=True)

    def begin(self, head: dict[str, Any]) -> None:
        """A snapshot is going to come; one that is not whole by now never will be."""
        self.close()
        step, steps = head["step"], self._steps()
        if steps and step <= steps[-1]:
            return  # resumed before the last step: what there is stays as it is
        path = self._path(step)
        path.parent.mkdir(exist_ok=True)
        self._budget = head["budget"]
        self._draft = Draft(path, head, self._rank, self._before(steps))
        self._go_on(memoryview(b""))  # it may be of no bytes at all

    def add(self, body: bytes) -> None:
        """A piece of the snapshot that has begun; when one was lost on the way, all goes."""
        number, offset, chunk = read_blob(body)
        if self._draft is None or number != self._draft.number:
            return
        if offset != self._draft.received:
            self.close()
        else:
            self._go_on(chunk)

    def close(self) -> None:
        """What is not whole goes."""
        if self._draft is not None:
            self._draft.writer.abandon()
        self._draft = None

    def _go_on(self, chunk: memoryview) -> None:
        assert self._draft
        try:
            self._draft.add(chunk)
            if not self._draft.whole:
                return
            self._draft.finish()
        except BaseException:
            self.close()
            raise
        self._draft = None
        self._thin()

    def _steps(self) -> tuple[int, ...]:
        return snapshot_steps(self._folder, self._rank)

    def _path(self, step: int) -> Path:
        return snapshot_path(self._folder, step, self._rank)

    def _before(self, steps: tuple[int, ...]) -> dict[str, Row]:
        """The last snapshot's tensors, and whose file has their bytes."""
        with contextlib.suppress(RunError):  # damaged: then everything counts as new
            rows = read_index(self._path(steps[-1]))[1] if steps else []
            return {
                row.name: replace(row, step=holder(row, steps)) for row in rows if not row.alias
            }
        return {}

    def _thin(self) -> None:
        """Let one after the other go, as long as all together are larger than the budget."""
        while len(steps := self._steps()) > 2:
            if sum(self._path(step).stat().st_size for step in steps) <= self._budget:
                return
            n = missed_least(steps)
            # A damaged file has nothing to hand on, and must not stop the thinning.
            with contextlib.suppress(RunError):
                self._hand_on(steps, n)
            self._path(steps[n]).unlink()

    def _hand_on(self, steps: tuple[int, ...], n: int) -> None:
        """What later snapshots refer to moves into the next one.

        A tensor is referred to as long as it does not change, so the next snapshot refers to all
        that any later one does. To keep every file that is referred to would be simpler, but where
        a few tensors rest at any time, as rarely used embeddings do, nothing could ever go.
        """
        gone, heir = steps[n], steps[n + 1]
        time, rows = read_index(self._path(heir))
        parts = {
            step: [row for row in rows if not row.alias and holder(row, steps) == step]
            for step in (gone, heir)
        }
        if not parts[gone]:
            return
        size = {step: sum(row.bytes for row in part) for step, part in parts.items()}
        writer = SnapshotWriter(self._path(heir), parts[gone] + parts[heir])
        try:
            moved = writer.take_over(self._path(gone), gone, parts[gone], 0)
            moved += writer.take_over(self._path(heir), heir, parts[heir], size[gone])
            held = {row.name: replace(row, step=heir) for row in moved}
            table = [held.get(row.name, row) for row in rows]
            writer.finish(sum(size.values()), table, rank=self._rank, step=heir, time=time)
        except BaseException:
            writer.abandon()
            raise


def missed_least(steps: tuple[int, ...]) -> int:
    """Which of the inner steps to leave out: its neighbours lie closest on a logarithmic scale.

    To choose by the evenness of all gaps together is better once and worse in the long run: the
    last step but one would always go, and the gap before the last grow without end.
    """
    return min(range(1, len(steps) - 1), key=lambda n: steps[n + 1] / max(steps[n - 1], 0.5))


class Draft:
    """A snapshot that is coming in: hashed, compared with the one before and stored as it comes."""

    def __init__(
        self, path: Path, head: dict[str, Any], rank: int = 0, before: Mapping[str, Row] = NOTHING
    ) -> None:
        self.number, self.received = int(head["snapshot"]), 0
        self._step, self._time, self._rank = int(head["step"]), float(head["time"]), rank
        self._rows = [Row(**row) for row in head["tensors"]]
        self._rows = [replace(row, shape=tuple(row.shape)) for row in self._rows]
        self._coming = deque(row for row in self._rows if not row.alias)
        self._before, self._come = before, dict[str, Row]()
        self._hash, self._size = blake2b(digest_size=16), 0
        self.writer = SnapshotWriter(path, self._coming)

    @property
    def whole(self) -> bool:
        return not self._coming

    def add(self, chunk: memoryview) -> None:
        start, self.received = self.received, self.received + len(chunk)
        while self._coming:
            row = self._coming[0]
            first, end = row.offset - start, row.offset + row.bytes - start
            piece = chunk[max(first, 0) : max(end, 0)]
            self._hash.update(piece)
            self.writer.write(self._size + max(-first, 0), piece)
            if end > len(chunk):
                return
            self._settle(self._coming.popleft())

    def _settle(self, row: Row) -> None:
        """A tensor is whole. Is it what it was? Then the next one is written over it."""
        row = replace(row, hash=self._hash.hexdigest())
        self._hash = blake2b(digest_size=16)
        before = self._before.get(row.name)
        if before and before.content == row.content:
            self._come[row.name] = replace(row, offset=0, step=before.step)
        else:
            self._come[row.name] = replace(row, offset=self._size, step=self._step)
            self._size += row.bytes

    def finish(self) -> None:
        rows = [self._come.get(row.name, row) for row in self._rows]
        self.writer.finish(self._size, rows, rank=self._rank, step=self._step, time=self._time)
