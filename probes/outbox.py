"""What the recorder has to tell the scribe, in the scribe's words; and what the scribe tells it."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from probes import wire
from probes.courier import Courier
from probes.folder import FathomError, read_json, write_json
from probes.pending import Pending
from probes.recording import TensorInfo
from probes.sampling import EIGHTS
from probes.troubles import LOG, Troubles
from probes.unfolding import Reduced

PATIENCE = 60.0  # seconds that close() waits for the scribe; after that it finishes on its own
WRITING = 5.0  # that write_now() waits for what has come so far to be on the disk
NEWS = 1.0  # seconds between two looks at what the scribe has said

_NOT_NUMPYS = EIGHTS | {torch.bfloat16}

Describe = Callable[[str], TensorInfo]


Doubt = Callable[[int, str, float], None]  # step, name, value
Delivered = Callable[[int, list[Reduced]], None]  # step, each series' rows


def _nobody(*_: Any) -> None:
    """Nobody has asked."""


class Outbox:
    """Numbers names as they come up, and hands rows to the courier."""

    def __init__(
        self, courier: Courier, summary: Path, troubles: Troubles, describe: Describe
    ) -> None:
        self._courier, self._summary, self._troubles = courier, summary, troubles
        self._describe = describe
        self.pending = Pending()
        self.doubt: Doubt = _nobody  # told of numbers that are not finite
        self.delivered: Delivered = _nobody  # and of every record's rows
        self._keys: dict[str, int] = {}
        self._tensors: dict[str, int] = {}
        self._last_ids: dict[int, tuple[list[str], NDArray[np.uint32]]] = {}  # by series
        self._tracks: dict[tuple[Any, ...], int] = {}
        self._heard = time.monotonic()

    def begin(self, series: list[str], optimizers: int) -> None:
        self._courier.send(wire.message(series=series, optimizers=optimizers))

    def scalar(self, name: str, value: Any, step: int, now: float) -> None:
        """A value on a device is sent once it has come to the host by itself."""
        if not isinstance(value, torch.Tensor):
            self._send_scalar(step, now, name, value)
        elif value.is_cpu:
            self._send_scalar(step, now, name, value.item())
        else:
            wide = torch.float32 if value.device.type == "mps" else torch.float64
            copy = value.detach().reshape(()).to(wide, copy=True)
            self.pending.add(copy, partial(self._send_scalar, step, now, name))
            self.pending.collect()

    def _send_scalar(self, step: int, now: float, name: str, value: Any) -> None:
        number = float(value)
        self._courier.send(wire.scalar(step, now, self._key(name), number), rows=1)
        if not math.isfinite(number):
            self.doubt(step, name, number)

    def _key(self, name: str) -> int:
        if name not in self._keys:
            self._keys[name] = len(self._keys)
            self._courier.send(wire.message(keys=[name]))
        return self._keys[name]

    def array(self, name: str, values: Any, about: str, step: int, now: float) -> None:
        """An array of any shape; one on a device is sent once it has come to the host."""
        if not isinstance(values, torch.Tensor):
            self._send_array(name, about, step, now, np.asarray(values))
            return
        values = values.detach()
        if values.dtype in _NOT_NUMPYS:
            values = values.to(torch.float32)
        if values.device.type == "cuda":
            values = values.clone()
        self.pending.add(values, partial(self._send_array, name, about, step, now))

    def _send_array(self, name: str, about: str, step: int, now: float, values: Any) -> None:
        track = (name, about, values.shape, values.dtype.name)
        if track not in self._tracks:
            self._tracks[track] = len(self._tracks)
            head = [name, about, list(values.shape), values.dtype.name]
            self._courier.send(wire.message(tracks=[head]))
        self._courier.send(wire.array(self._tracks[track], step, now, values), rows=1)

    def records(self, step: int, now: float, series: list[Reduced]) -> None:
        """One record: each series' rows."""
        frames = [
            wire.record(wire.Record(n, step, now, self._ids(n, names), statistics, histogram))
            for n, names, statistics, histogram in series
        ]
        self._courier.send(b"".join(frames), rows=len(frames))
        self.delivered(step, series)

    def _ids(self, series: int, names: list[str]) -> NDArray[np.uint32]:
        """Numbers for a series' names, which mostly are the very list that they were last time."""
        last = self._last_ids.get(series)
        if last is None or last[0] is not names:
            last = self._last_ids[series] = names, self._numbered(names)
        return last[1]

    def _numbered(self, names: list[str]) -> NDArray[np.uint32]:
        """Numbers for the names; new ones are described first."""
        if new := [name for name in names if name not in self._tensors]:
            rows = [astuple(self._describe(name)) for name in new]
            self._tensors.update({name: len(self._tensors) + n for n, name in enumerate(new)})
            self._courier.send(wire.message(tensors=rows))
        return np.array([self._tensors[name] for name in names], np.uint32)

    def event(self, step: int, kind: str, text: str) -> None:
        self._courier.send(wire.message(event=[step, time.time(), kind, text]))

    def listen(self, overhead: float) -> None:
        """Now and then: send news of the cost, hear of trouble with the disk."""
        now = time.monotonic()
        if now - self._heard < NEWS:
            return
        self._heard = now
        self._courier.send(wire.message(summary={"overhead": overhead}))
        self._pass_on(self._courier.answers())
        if not self._courier.alive:
            self._troubles.say(
                "scribe",
                "its scribe has ended; training goes on, but nothing more is recorded. "
                "What was written reads as usual.",
            )

    def write_now(self) -> None:
        """Let the scribe write what it has, and wait for it, not for long."""
        self.pending.collect(wait=True)
        self._courier.send(wire.message(bind=True))
        last = time.monotonic() + WRITING
        while self._courier.alive and time.monotonic() < last:
            answers = self._courier.answers()
            self._pass_on(answers)
            if any("bound" in answer for answer in answers):
                return
            time.sleep(WRITING / 1000)

    def _pass_on(self, answers: list[dict[str, Any]]) -> None:
        for answer in answers:
            if "trouble" in answer:
                self._troubles.say(
                    "disk",
                    f"cannot be written: {answer['trouble']}. Training goes on; rows are kept "
                    "for a while and tried again, and those that do not fit are counted.",
                )

    def close(self, state: str, overhead: float) -> None:
        """Send the last rows, let the scribe finish, and say what could not be written."""
        self.pending.collect(wait=True)
        last = {"overhead": overhead}
        self._courier.send(wire.message(state=state, summary=last, dropped=self._courier.lost))
        alive = self._courier.alive
        answers = self._courier.close(PATIENCE)
        self._pass_on(answers)
        told = next((answer["dropped"] for answer in answers if answer.get("done")), 0)
        dropped = told if alive else self._courier.lost
        if not alive:
            self._say_for_the_scribe(state, dropped)
        if dropped:
            LOG.warning("fathom: %s: %d rows could not be written", self._summary.parent, dropped)

    def _say_for_the_scribe(self, state: str, dropped: int) -> None:
        """It died first: the summary is brought up to date from here."""
        with contextlib.suppress(FathomError, OSError):
            summary = read_json(self._summary)
            summary |= {"state": state, "dropped": summary.get("dropped", 0) + dropped}
            write_json(self._summary, summary)

    # What the threads of snapshots and of the loss program need of the courier.

    def begin_snapshot(self, head: dict[str, Any]) -> None:
        self._courier.send(wire.message(snapshot=head))

    def send_chunk(self, snapshot: int, offset: int, chunk: bytes | memoryview) -> None:
        self._courier.send(wire.blob(snapshot, offset, chunk))

    def begin_program(self, head: dict[str, Any]) -> None:
        self._courier.send(wire.message(program=head))

    def send_piece(self, offset: int, chunk: bytes | memoryview) -> None:
        self._courier.send(wire.piece(offset, chunk))

    @property
    def room(self) -> int:
        """Bytes that the queue to the scribe takes now."""
        return self._courier.room

    def leave(self) -> None:
        self._courier.leave()
