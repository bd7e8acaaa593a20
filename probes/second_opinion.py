"""The doctor's word while training goes on: findings so far, and each new one as it is made.

This is the one place from which a probe's room looks at diagnostics, and only when it is asked to:
the examination itself runs in a process of its own, or at the caller's wish.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from probes.courier import import_path
from probes.troubles import Troubles

NEWS = 1.0  # seconds between two looks
PATIENCE = 20.0  # seconds that closing waits for the last examination

OnFinding = Callable[[Any], None]  # takes a diagnostics.finding.Finding


def examined(folder: Path) -> tuple[Any, ...]:
    """The findings of a run as it is written so far, here and now."""
    diagnostics = importlib.import_module("diagnostics")
    findings: tuple[Any, ...] = diagnostics.examine(diagnostics.Run(folder)).findings
    return findings


class Attendant:
    """Hears of new findings from a process that examines the run, and passes them on."""

    def __init__(self, folder: Path, pass_on: OnFinding, troubles: Troubles) -> None:
        self._pass_on, self._troubles, self._heard = pass_on, troubles, b""
        self._last = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "diagnostics.attendant", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": import_path()},
            start_new_session=True,  # Ctrl-C is for the trainer
        )
        assert self._process.stdout
        os.set_blocking(self._process.stdout.fileno(), False)

    def listen(self) -> None:
        """Now and then: pass on what has been found since."""
        now = time.monotonic()
        if now - self._last >= NEWS:
            self._last = now
            self._hear()

    def _hear(self) -> None:
        assert self._process.stdout
        with contextlib.suppress(OSError):
            while data := os.read(self._process.stdout.fileno(), 1 << 16):
                self._heard += data
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            try:
                self._pass_on(_finding(json.loads(line)))
            except Exception as error:
                self._troubles.failed("on_finding", error)

    def close(self) -> None:
        """The run has ended: wait for the examination of all of it, not forever."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._hear()
        self.leave()

    def leave(self) -> None:
        """In a forked child the process is the parent's."""
        assert self._process.stdout
        self._process.stdout.close()


class _Nobody:
    """No one has asked to be told."""

    def listen(self) -> None: ...
    def close(self) -> None: ...
    def leave(self) -> None: ...


def attended(
    folder: Path, rank: int, pass_on: OnFinding | None, troubles: Troubles
) -> Attendant | _Nobody:
    """By the first of several processes, and only where somebody listens."""
    if pass_on is None or rank:
        return _Nobody()
    return Attendant(folder, pass_on, troubles)


def _finding(told: dict[str, Any]) -> Any:
    """As the rule gave it."""
    found = importlib.import_module("diagnostics.finding")
    evidence = tuple(found.Evidence(**each) for each in told.pop("evidence"))
    lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
    return found.Finding(**{**told, **lists, "evidence": evidence})
