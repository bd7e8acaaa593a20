"""Carries frames to the scribe. In time, or not at all: training never waits for the disk.

A frame goes straight into the pipe, where it survives the trainer's death. Only when the pipe is
full does a thread take over, with a queue bounded in bytes; what does not fit is dropped and
counted.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import Any

from probes import wire

PIPE_BYTES = 1 << 20
QUEUE_BYTES = 64 << 20
SET_PIPE_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux alone can widen a pipe


class Courier:
    """Starts a scribe for a run folder, or for one rank's part of it, and feeds it."""

    def __init__(self, folder: Path, held: int, rank: int = 0) -> None:
        self._scribe = subprocess.Popen(
            [sys.executable, "-m", "probes.scribe", str(folder), str(rank)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": import_path()},
            start_new_session=True,  # Ctrl-C is for the trainer; the scribe still has to finish
            pass_fds=(held,),
        )
        assert self._scribe.stdin
        assert self._scribe.stdout
        self._pipe, self._answers = self._scribe.stdin.fileno(), self._scribe.stdout.fileno()
        os.set_blocking(self._pipe, False)
        os.set_blocking(self._answers, False)
        if SET_PIPE_SIZE is not None:
            with contextlib.suppress(OSError):
                fcntl.fcntl(self._pipe, SET_PIPE_SIZE, PIPE_BYTES)
        self._queue: deque[bytes | memoryview] = deque()
        self._queued = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._heard = b""
        self.lost = 0  # frames dropped here and not yet told to the scribe
        self.alive = True
        os.close(held)  # from now on the scribe alone holds the run

    def send(self, frame: bytes, rows: int = 0) -> None:
        """Hand over a frame that holds `rows` rows."""
        with self._lock:
            full = self._queued + len(frame) > QUEUE_BYTES
            if not self.alive or (full and rows):  # what names the rows is never dropped
                self.lost += rows
                return
            if self.lost and rows:
                frame = wire.message(dropped=self.lost) + frame
                self.lost = 0
            sent = 0 if self._queue else self._write(frame)
            if sent < len(frame) and self.alive:
                self._put_off(memoryview(frame)[sent:])

    @property
    def room(self) -> int:
        """Bytes free in the queue for what is large and can wait; half of it is for rows."""
        return max(0, QUEUE_BYTES // 2 - self._queued)

    def _write(self, data: bytes | memoryview) -> int:
        """As much as the pipe takes at once."""
        try:
            return os.write(self._pipe, data)
        except BlockingIOError:
            return 0
        except OSError:  # the scribe is gone
            self.alive = False
            return 0

    def _put_off(self, rest: memoryview) -> None:
        self._queue.append(rest)
        self._queued += len(rest)
        if self._thread is None:
            self._thread = threading.Thread(target=self._carry, daemon=True, name="fathom-courier")
            self._thread.start()

    def _carry(self) -> None:
        """Empty the queue as the pipe allows; then the thread ends."""
        ready = select.poll()  # select() itself knows no more than 1024 open files
        ready.register(self._pipe, select.POLLOUT)
        while True:
            ready.poll(500)
            with self._lock:
                while self._queue and self.alive:
                    head = memoryview(self._queue[0])
                    sent = self._write(head)
                    self._queued -= sent
                    if sent < len(head):
                        self._queue[0] = head[sent:]
                        break
                    self._queue.popleft()
                if not self._queue or not self.alive:
                    self._thread = None
                    return

    def answers(self) -> list[dict[str, Any]]:
        """What the scribe has said since last asked."""
        with contextlib.suppress(OSError):
            while data := os.read(self._answers, 1 << 16):
                self._heard += data
        *lines, self._heard = self._heard.split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self, timeout: float) -> list[dict[str, Any]]:
        """Let the scribe finish; its last words, or nothing when it needs longer than `timeout`."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        assert self._scribe.stdin
        with self._lock:
            self.alive = False  # whoever still carries must not meet another file of this number
        with contextlib.suppress(OSError):
            self._scribe.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._scribe.wait(timeout)
        said = self.answers()
        assert self._scribe.stdout
        self._scribe.stdout.close()
        return said

    def leave(self) -> None:
        """In a forked child: the pipe belongs to the parent."""
        self.alive = False
        for pipe in (self._scribe.stdin, self._scribe.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


def import_path() -> str:
    """Where the scribe finds this very package, whatever its working directory."""
    here = str(Path(__file__).resolve().parents[1])
    rest = os.environ.get("PYTHONPATH")
    return os.pathsep.join([here, rest] if rest else [here])
