"""Figures drawn of late, kept for a while: whoever has one is sent only what changed since."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2s
from threading import Lock
from typing import Any

from dashboard.delta import delta
from dashboard.typed_arrays import packed, plain

Figure = dict[str, Any]  # as plotly writes it, its arrays not packed
MOST = 60


class Drawn:
    """By what they show; shared by all viewers."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._figures: OrderedDict[str, Figure] = OrderedDict()

    def answer(self, what: Any, have: str | None, make: Callable[[], Figure]) -> Any:
        """A whole figure, or what makes it of the one that a viewer has; None: it is that one."""
        version = blake2s(json.dumps(what).encode(), digest_size=9).hexdigest()
        if version == have:
            return None
        figure = self._kept(version) or plain(make())
        self._keep(version, figure)
        before = self._kept(have)
        changes = None if before is None else delta(before, figure)
        if changes is None:
            return {"version": version, "figure": packed(figure)}
        return {"version": version, "base": have, "changes": changes}

    def _kept(self, version: str | None) -> Figure | None:
        with self._lock:
            return self._figures.get(version or "")

    def _keep(self, version: str, figure: Figure) -> None:
        with self._lock:
            self._figures[version] = figure
            self._figures.move_to_end(version)
            while len(self._figures) > MOST:
                self._figures.popitem(last=False)
