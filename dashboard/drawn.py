"""Figures drawn of late, kept for a while: whoever has one is sent only what changed since."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2s
from threading import Lock
from typing import Any

Figure = dict[str, Any]  # as plotly has it, its arrays not yet encoded
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
        figure = self._kept(version) or make()
        self._keep(version, figure)
        return told(version, figure, have, self._kept(have))

    def _kept(self, version: str | None) -> Figure | None:
        with self._lock:
            return self._figures.get(version or "")

    def _keep(self, version: str, figure: Figure) -> None:
        with self._lock:
            self._figures[version] = figure
            self._figures.move_to_end(version)
            while len(self._figures) > MOST:
                self._figures.popitem(last=False)


def told(version: str, figure: Figure, have: str | None, before: Figure | None) -> dict[str, Any]:
    """What is sent."""
    return {"version": version, "figure": encoded(figure)}


def plain(figure: Any) -> Figure:
    """A figure as dictionaries, its arrays as they are."""
    return {
        "data": [trace.to_plotly_json() for trace in figure.data],
        "layout": figure.layout.to_plotly_json(),
    }


def encoded(figure: Figure) -> Figure:
    """The same with arrays as plotly.js reads them."""
    from _plotly_utils.utils import convert_to_base64

    copied = _copied(figure)
    convert_to_base64(copied)
    return copied  # type: ignore[no-any-return]


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(each) for each in value]
    return value
