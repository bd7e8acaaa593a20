"""Figures drawn of late, kept for a while: whoever has one is sent only what changed since."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from hashlib import blake2s
from threading import Lock
from typing import Any, Generic, TypeVar

from dashboard.delta import delta
from dashboard.typed_arrays import packed, plain

Figure = dict[str, Any]  # as plotly writes it, its arrays not packed
Key = TypeVar("Key")
MOST = 60


class Drawn:
    """By what they show; shared by all viewers, each made once however many ask at once."""

    def __init__(self) -> None:
        self._figures: _Once[str] = _Once()
        self._answers: _Once[tuple[str, str | None]] = _Once()

    def answer(self, what: Any, have: str | None, make: Callable[[], Figure]) -> Any:
        """A whole figure, or what makes it of the one that a viewer has; None: it is that one."""
        version = blake2s(json.dumps(what).encode(), digest_size=9).hexdigest()
        if version == have:
            return None
        figure = self._figures.get(version, lambda: plain(make()))
        base = have if have and self._figures.knows(have) else None
        return self._answers.get((version, base), lambda: self._told(version, figure, base))

    def _told(self, version: str, figure: Figure, base: str | None) -> dict[str, Any]:
        before = self._figures.known(base) if base else None
        changes = None if before is None else delta(before, figure)
        if changes is None:
            return {"version": version, "figure": packed(figure)}
        return {"version": version, "base": base, "changes": changes}


class _Once(Generic[Key]):
    """What was made last, by its key: whoever asks while it is being made waits for that."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: OrderedDict[Key, Future[Any]] = OrderedDict()

    def knows(self, key: Key) -> bool:
        with self._lock:
            return key in self._made

    def known(self, key: Key) -> Any:
        """None, if it was forgotten meanwhile."""
        with self._lock:
            made = self._made.get(key)
        return made.result() if made else None

    def get(self, key: Key, make: Callable[[], Any]) -> Any:
        with self._lock:
            ours = key not in self._made
            future = self._made.setdefault(key, Future())
            self._made.move_to_end(key)
            while len(self._made) > MOST:
                self._made.popitem(last=False)
        if ours:
            self._fill(key, future, make)
        return future.result()

    def _fill(self, key: Key, future: Future[Any], make: Callable[[], Any]) -> None:
        try:
            future.set_result(make())
        except BaseException as error:
            with self._lock:
                self._made.pop(key, None)  # whoever asks next tries again
            future.set_exception(error)
