"""The scribe: a process of its own that writes the run folder.

A full disk, a fault inside libhdf5 or a killed trainer cannot reach what it has written, and it
cannot reach training. Fed through a pipe; when the pipe closes it writes what it has and finishes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from pathlib import Path

READ_BYTES = 1 << 20
PAUSE = 0.03  # seconds of rest between reads
LIMIT = 64 << 20  # bytes waiting here; beyond it the pipe fills, and the recorder drops and counts


class Inbox(threading.Thread):
    """Empties the pipe as soon as the process stands, while heavier imports are under way."""

    def __init__(self, pipe: int) -> None:
        super().__init__(daemon=True)
        self._pipe, self._parent = pipe, os.getppid()
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._over = False
        self._changed = threading.Condition()

    def run(self) -> None:
        """Read and rest in turn. A reader that waited in the kernel would have to be woken by each
        write, and that takes a trainer a tenth of a millisecond."""
        os.set_blocking(self._pipe, False)
        while not self._over:
            data = self._read()
            if data is not None:
                self._put(data)
            if not data or len(data) < READ_BYTES // 4 or self._size > LIMIT:
                time.sleep(PAUSE)
        with self._changed:
            self._changed.notify()

    def _read(self) -> bytes | None:
        """What is in the pipe, b"" at its end, None when there is nothing yet."""
        if self._size > LIMIT:
            return None
        try:
            return os.read(self._pipe, READ_BYTES)
        except BlockingIOError:
            # A forked child may hold the pipe open after the trainer's death.
            return None if os.getppid() == self._parent else b""

    def _put(self, data: bytes) -> None:
        with self._changed:
            self._over = self._over or not data
            self._chunks.append(data)
            self._size += len(data)
            self._changed.notify()

    def take(self, timeout: float) -> bytes | None:
        """What has come, nothing when `timeout` has passed, or None when nothing will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or self._over, timeout)
            if not self._chunks:
                return None if self._over else b""
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._size = 0
            return data

    def stop(self) -> None:
        self._over = True


def tell(**status: object) -> None:
    """A line to the recorder, which may be gone."""
    try:
        print(json.dumps(status), flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  (kept open to the end)


def main(folder: Path, rank: int = 0) -> None:
    inbox = Inbox(sys.stdin.fileno())
    signal.signal(signal.SIGTERM, lambda *_: inbox.stop())
    inbox.start()
    from probes.binder import Binder  # h5py and numpy take a third of a second
    from probes.wire import Frames

    binder, frames = Binder(folder, tell, rank), Frames()
    while (data := inbox.take(timeout=0.25)) is not None:
        for kind, body in frames.feed(data):
            binder.add(kind, body)
        binder.tick(time.time())
    binder.close(torn=bool(frames.torn))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
