"""What was computed of several runs as they stood: asked again, it is not computed again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from threading import Lock
from typing import Any

from diagnostics.run import Run

MOST = 48


class Kept:
    """By the runs' folders and generations; shared by all viewers."""

    def __init__(self, alone: Callable[[Sequence[Run]], AbstractContextManager[None]]) -> None:
        self._alone, self._lock = alone, Lock()
        self._known: OrderedDict[Hashable, Any] = OrderedDict()

    def of(self, runs: Sequence[Run], what: Hashable, compute: Callable[[], Any]) -> Any:
        """The same until one of the runs has grown; meanwhile nobody else reads them."""
        with self._alone(runs):
            key = (what, tuple((str(run.path), run.generation) for run in runs))
            with self._lock:
                if key in self._known:
                    self._known.move_to_end(key)
                    return self._known[key]
            return self._keep(key, compute())

    def _keep(self, key: Hashable, found: Any) -> Any:
        with self._lock:
            self._known[key] = found
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return found
