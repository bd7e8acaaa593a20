"""No file of a stranger's is opened in the app before a process of its own has survived it."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from diagnostics.run import RunError

TASTER = (sys.executable, "-m", "diagnostics.taster")
LONGEST = 30.0  # seconds that opening one run's files may take
MOST = 1000  # runs that are remembered


class Tasting:
    """One process for all; whatever ends it, the next run gets another."""

    def __init__(self, launch: Sequence[str] = TASTER, longest: float = LONGEST) -> None:
        self._launch, self._longest = tuple(launch), longest
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[Path, tuple[object, bool]] = {}  # its files then; did it live?

    def start(self) -> None:
        """Begin before anybody waits."""
        with self._lock:
            self._started()

    def check(self, folder: Path) -> None:
        """Refuse a run whose files no process survives; what was tasted is remembered."""
        with self._lock:
            now = _stamp(folder)
            before, lived = self._known.get(folder, (None, False))
            if before != now:
                lived = self._lives(folder)
                if len(self._known) >= MOST:
                    self._known.clear()
                self._known[folder] = (now, lived)
        if not lived:
            raise RunError(
                f"'{folder}' is damaged: opening its files does not end, or ends the process that "
                "does; copy it again from where it was recorded."
            )

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()

    def _lives(self, folder: Path) -> bool:
        process = self._started()
        assert process.stdin
        assert process.stdout
        watch = threading.Timer(self._longest, process.kill)
        watch.daemon = True
        watch.start()
        try:
            print(json.dumps(str(folder.absolute())), file=process.stdin, flush=True)
            lived = process.stdout.readline() == "lived\n"
        except OSError:
            lived = False
        finally:
            watch.cancel()
        if not lived:
            self.close()
        return lived

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                self._launch,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": _path(), "OMP_NUM_THREADS": "1"},
            )
        return self._process


TASTING = Tasting()
atexit.register(TASTING.close)


def _stamp(folder: Path) -> object:
    """Of all its HDF5 files; a name that is no Unicode is one too."""
    found = []
    for path in sorted(folder.rglob("*.h5")):
        with suppress(OSError):
            about = path.stat()
            found.append((str(path), about.st_mtime_ns, about.st_size))
    return tuple(found)


def _path() -> str:
    """Where this very package was found comes first: the child shall find the same."""
    package = str(Path(__file__).parents[1])
    return os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
