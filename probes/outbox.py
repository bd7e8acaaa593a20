"""What the recorder has to tell the scribe, in the scribe's words; and what the scribe tells it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from probes import wire
from probes.arena import Reduced
from probes.courier import Courier
from probes.folder import SUMMARY, FathomError, read_json, write_json
from probes.pending import Pending
from probes.recording import TensorInfo
from probes.troubles import LOG, Troubles

PATIENCE = 60.0  # seconds that close() waits for the scribe; after that it finishes on its own
NEWS = 1.0  # seconds between two looks at what the scribe has said

Describe = Callable[[str], TensorInfo]


class Outbox:
    """Numbers names as they come up, and hands rows to the courier."""

    def __init__(
        self, courier: Courier, path: Path, troubles: Troubles, describe: Describe
    ) -> None:
        self._courier, self._path, self._troubles = courier, path, troubles
        self._describe = describe
        self.pending = Pending()
        self._keys: dict[str, int] = {}
        self._tensors: dict[str, int] = {}
        self._heard = time.monotonic()

    def begin(self, series: list[str], optimizers: int) -> None:
        self._courier.send(wire.message(series=series, optimizers=optimizers))

    def scalar(self, name: str, value: Any, step: int, now: float) -> None:
        """A value on a device is sent once it has come to the host by itself."""
        key = self._key(name)
        if not isinstance(value, torch.Tensor):
            self._send_scalar(step, now, key, value)
        elif value.device.type == "cpu":
            self._send_scalar(step, now, key, value.item())
        else:
            copy = value.detach().reshape(()).to(torch.float32, copy=True)
            self.pending.add(copy, partial(self._send_scalar, step, now, key))
            self.pending.collect()

    def _send_scalar(self, step: int, now: float, key: int, value: Any) -> None:
        self._courier.send(wire.scalar(step, now, key, float(value)), rows=1)

    def _key(self, name: str) -> int:
        if name not in self._keys:
            self._keys[name] = len(self._keys)
            self._courier.send(wire.message(keys=[name]))
        return self._keys[name]

    def records(self, step: int, now: float, tensors: list[str], series: list[Reduced]) -> None:
        """One record: each series' rows for these tensors."""
        ids = self._ids(tensors)
        frames = [
            wire.record(
                wire.Record(n, step, now, ids[rows.tensors], rows.statistics, rows.histogram)
            )
            for n, rows in enumerate(series)
            if len(rows.tensors)
        ]
        self._courier.send(b"".join(frames), rows=len(frames))

    def _ids(self, names: list[str]) -> Any:
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
            LOG.warning("fathom: %s: %d rows could not be written", self._path, dropped)

    def _say_for_the_scribe(self, state: str, dropped: int) -> None:
        """It died first: the summary is brought up to date from here."""
        with contextlib.suppress(FathomError, OSError):
            summary = read_json(self._path / SUMMARY)
            summary |= {"state": state, "dropped": summary.get("dropped", 0) + dropped}
            write_json(self._path / SUMMARY, summary)

    def leave(self) -> None:
        self._courier.leave()
