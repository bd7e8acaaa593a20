"""Recorders that are at work: closed when the process ends, and left alone in its forks."""

from __future__ import annotations

import atexit
import os
import sys
import weakref
from typing import Literal, Protocol

State = Literal["finished", "failed"]


class Living(Protocol):
    """What has to be done with each of them."""

    def close(self, state: State = "finished") -> None: ...
    def leave(self) -> None: ...


LIVING: weakref.WeakSet[Living] = weakref.WeakSet()


def _close_all() -> None:
    failed = getattr(sys, "last_value", None) is not None
    for recorder in list(LIVING):
        recorder.close("failed" if failed else "finished")


def _leave_all() -> None:
    for recorder in list(LIVING):
        recorder.leave()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)
