"""At most one computation at a time, in a process of its own: its progress, its end, its error."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diagnostics.run import FathomError

State = Literal["running", "done", "failed", "cancelled"]

LEASH = (sys.executable, "-m", "dashboard.leash")
PATIENCE = 2.0  # seconds between asking a process to end and ending it
_PROGRESS = re.compile(r"\s*(\d+) of (\d+)\b")


@dataclass(frozen=True)
class Look:
    """A job as it is now."""

    run: str
    state: State
    told: str  # the last line it said: its progress, or why it failed
    done: int
    of: int  # 0: it has not said
    seconds: float
    what: str = ""  # the analysis


class Jobs:
    """Whoever asks for a second one while the first runs is refused."""

    def __init__(self, launch: Sequence[str] = LEASH) -> None:
        self._launch = tuple(launch)
        self._lock = threading.Lock()
        self._job: _Job | None = None

    def start(self, run: str, command: Sequence[str]) -> None:
        """Start a `fathom` command about a run; nothing of it ever passes through a shell."""
        with self._lock:
            if self._job and self._job.look().state == "running":
                raise FathomError(
                    f"something is being computed already, for {self._job.run}; wait, or cancel it"
                )
            self._job = _Job(run, [*self._launch, *command], what="".join(command[1:2]))

    def cancel(self) -> None:
        """End it, with every process it has started."""
        with self._lock:
            if self._job:
                self._job.cancel()

    def look(self) -> Look | None:
        """The one that runs, or the last that did."""
        job = self._job
        return job.look() if job else None


def _here() -> str:
    """Where this very package was found comes first: the child shall find the same."""
    package = str(Path(__file__).parents[1])
    return os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))


class _Job:
    """A child process and what it says on its standard error."""

    def __init__(self, run: str, command: list[str], what: str) -> None:
        self.run, self.what = run, what
        self._begun, self._ended = time.monotonic(), 0.0
        self._told, self._done, self._of = "", 0, 0
        self._cancelled = False
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # its leash: see dashboard/leash.py
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": _here()},
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def look(self) -> Look:
        ended = self._ended or time.monotonic()
        seconds = ended - self._begun
        return Look(self.run, self._state(), self._told, self._done, self._of, seconds, self.what)

    def cancel(self) -> None:
        if self._ended:
            return
        self._cancelled = True
        self._signal(signal.SIGTERM)
        self._listener.join(PATIENCE)
        if not self._ended:
            self._signal(signal.SIGKILL)
            self._listener.join(PATIENCE)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.killpg(self._process.pid, number)

    def _state(self) -> State:
        if not self._ended:
            return "running"
        if self._cancelled:
            return "cancelled"
        return "failed" if self._process.returncode else "done"

    def _listen(self) -> None:
        assert self._process.stderr is not None
        assert self._process.stdin is not None
        for line in self._process.stderr:
            if line.strip():
                self._hear(line.strip())
        self._process.wait()
        self._process.stdin.close()
        self._process.stderr.close()
        self._ended = time.monotonic()

    def _hear(self, line: str) -> None:
        self._told = line[:1000].removeprefix("fathom: ")
        if found := _PROGRESS.match(line):
            self._done, self._of = int(found[1]), int(found[2])
