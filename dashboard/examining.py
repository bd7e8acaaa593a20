"""Verdicts for a list of runs: one at a time, in a process of low priority, never waited for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from diagnostics.listing import Listing, as_listing

EXAMINER = (sys.executable, "-m", "diagnostics.examiner")
LONGEST = 300.0  # seconds that one examination may take
UNSEEN = 60.0  # seconds after which nobody looks at the list any more: then none is begun

Done = Callable[[str, Listing, float], None]  # folder, what was found, seconds


class Examining:
    """Whoever shows a list asks again and again; what was asked last counts."""

    def __init__(self, done: Done, launch: Sequence[str] = EXAMINER) -> None:
        self._done, self._launch = done, tuple(launch)
        self._lock = threading.Lock()
        self._waiting: list[str] = []
        self._asked = 0.0
        self._thread: threading.Thread | None = None

    def ask(self, folders: Sequence[str]) -> None:
        """These, in this order."""
        with self._lock:
            self._waiting, self._asked = list(folders), time.monotonic()
            if self._waiting and self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True, name="examining")
                self._thread.start()

    @property
    def is_over(self) -> bool:
        """Is nothing under way?"""
        return self._thread is None

    def _next(self) -> str | None:
        """The next folder; where there is none, the thread may go."""
        with self._lock:
            if self._waiting and time.monotonic() - self._asked < UNSEEN:
                return self._waiting.pop(0)
            self._thread = None
            return None

    def _work(self) -> None:
        examiner: _Examiner | None = None
        while (folder := self._next()) is not None:
            began = time.monotonic()
            examiner = examiner or _Examiner(self._launch)
            listing = examiner.examine(folder)
            if listing is None:
                examiner.close()
                examiner = None
                listing = Listing("", trouble="it could not be examined: the examination broke off")
            self._done(folder, listing, time.monotonic() - began)
        if examiner:
            examiner.close()


class _Examiner:
    """The process: it may be killed by what it reads, and takes nothing with it."""

    def __init__(self, launch: Sequence[str]) -> None:
        package = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(
            launch,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        )

    def examine(self, folder: str) -> Listing | None:
        """None when it ended, or had to be ended."""
        assert self._process.stdin
        assert self._process.stdout
        watch = threading.Timer(LONGEST, self._process.kill)
        watch.daemon = True
        watch.start()
        try:
            print(json.dumps(folder), file=self._process.stdin, flush=True)
            return as_listing(json.loads(self._process.stdout.readline()))
        except (OSError, ValueError):
            return None
        finally:
            watch.cancel()

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()
