"""Sends the large to the scribe by and by, in a thread that ends with it; the little at once."""

from __future__ import annotations

import time
from threading import Thread
from typing import Protocol

import torch

CHUNK = 1 << 18  # bytes sent at once
LITTLE = 1 << 16  # bytes that cost less to send than a thread that sends them
PAUSE = 0.01  # seconds of rest while there is no room
STALLED = 10.0  # seconds without any room; then it is given up
PATIENCE = 60.0  # seconds that are waited for it at the end


class Channel(Protocol):
    """The way to the scribe. Whatever it is given it copies, and it never waits."""

    def begin(self) -> None: ...

    def send(self, at: int, chunk: memoryview) -> None: ...

    @property
    def room(self) -> int:
        """Bytes that it takes now."""


class Sending:
    """One thing after another on its way; only the last one is waited for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: Thread | None = None
        self._over = False
        self.failures: list[str] = []

    @property
    def under_way(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, channel: Channel, data: memoryview, arrived: list[torch.cuda.Event]) -> None:
        """`data` may change no more from when all of `arrived` has happened."""
        self._over = False
        if not arrived and len(data) <= min(LITTLE, channel.room // 2):  # the rest is for the head
            self._thread = None
            self._run(channel, data, arrived)
            return
        self._thread = Thread(
            target=self._run,
            args=(channel, data, arrived),
            daemon=True,
            name=f"fathom-{self._name}",
        )
        self._thread.start()

    def _run(self, channel: Channel, data: memoryview, arrived: list[torch.cuda.Event]) -> None:
        try:
            for event in arrived:
                event.synchronize()
            channel.begin()
            self._send(channel, data)
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")

    def _send(self, channel: Channel, data: memoryview) -> None:
        at, moved = 0, time.monotonic()
        while at < len(data) and not self._over:
            size = min(CHUNK, len(data) - at, channel.room)
            if size > 0:
                channel.send(at, data[at : at + size])
                at, moved = at + size, time.monotonic()
            elif time.monotonic() - moved > STALLED:
                raise TimeoutError(f"the scribe took nothing for {STALLED:g} seconds")
            else:
                time.sleep(PAUSE)

    def wait(self) -> None:
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def end(self) -> None:
        """Who is still on the way stops."""
        if self.under_way:
            self.failures.append(f"not sent within {PATIENCE:g} seconds of the end")
        self._over = True
