"""What goes wrong while recording: said once, counted, and never raised into training."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

LOG = logging.getLogger("fathom")
STRIKES = 3  # failures after which a thing that keeps failing is left alone


class Troubles:
    """Each kind of trouble is told the user once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: Counter[str] = Counter()

    def say(self, kind: str, text: str) -> None:
        self._counts[kind] += 1
        if self._counts[kind] == 1:
            LOG.warning("fathom: %s: %s", self._path, text)

    def failed(self, doing: str, error: Exception) -> None:
        """Something raised, and must not reach training."""
        self.say(doing, f"{doing} failed ({type(error).__name__}: {error}); training goes on")

    def hopeless(self, doing: str) -> bool:
        return self._counts[doing] >= STRIKES
