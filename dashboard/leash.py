"""Runs one `fathom` command that must not outlive who started it.

    python -m dashboard.leash analyse landscape runs/digits

Whoever starts it holds the other end of its standard input. When that end closes, even because its
holder was killed, this process ends, and with it the group of processes that it leads.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """The command, for as long as somebody holds the leash."""
    from dashboard.cli import main as fathom

    threading.Thread(target=_end_when_let_go, daemon=True).start()
    return fathom(argv)


def _end_when_let_go() -> None:
    """Read without Python's buffer, whose lock would trouble the interpreter's end."""
    while os.read(0, 1024):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
