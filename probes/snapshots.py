"""The whole weights at some steps, copied to the host at once and sent to the scribe by and by."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from probes.claims import LARGEST_DATASET
from probes.host_copy import HostCopy, Part, place, unfit, weights
from probes.probe import Moment
from probes.sending import Sending


class Vault(Protocol):
    """The way to the scribe. Whatever it is given it copies, and it never waits."""

    def begin_snapshot(self, head: dict[str, Any]) -> None: ...

    def send_chunk(self, snapshot: int, offset: int, chunk: bytes | memoryview) -> None: ...

    @property
    def room(self) -> int:
        """Bytes that it takes now."""


class Snapshots:
    """Parameters and buffers, `per_decade` times in each tenfold of steps, and at the last step.

    On the disk they take at most `budget` bytes: later ones push out those missed least. Under
    FSDP each rank keeps its own shards.
    """

    series, state = "snapshots", "after the step"

    def __init__(self, per_decade: int = 8, budget: int = 1 << 30) -> None:
        if per_decade < 1:
            raise ValueError(f"per_decade={per_decade}: it counts snapshots and starts at 1")
        if budget < 1:
            raise ValueError(f"budget={budget}: it counts bytes on the disk, such as 1 << 30")
        self._per_decade, self._budget = per_decade, budget
        self._asked: int | None = None  # the last step that was due
        self._taken: int | None = None
        self._count = self._skipped = 0
        self._copy = HostCopy()
        self._sending = Sending("snapshots")
        self._said: set[str] = set()

    def step(self, moment: Moment) -> None:
        if self._asked is not None and self._rung(moment.step) <= self._rung(self._asked):
            return
        self._asked = moment.step
        if self._sending.under_way:
            self._skipped += 1
        else:
            self._take(moment)

    def close(self, moment: Moment) -> None:
        """The last step counts, whatever its number."""
        self._sending.wait()
        if moment.step != self._taken and not self._sending.under_way:
            self._take(moment)
            self._sending.wait()
        self._sending.end()
        if self._skipped:
            self._say(
                moment,
                f"{self._skipped} snapshots were left out: the one before was still on its way",
            )
        if self._sending.failures:
            self._say(
                moment,
                f"{len(self._sending.failures)} snapshots were given up: "
                f"{self._sending.failures[0]}",
            )

    def _rung(self, step: int) -> int:
        """Of the logarithmic ladder."""
        return int(self._per_decade * math.log10(max(step, 1)))

    def _take(self, moment: Moment) -> None:
        parts = self._fit(moment)
        if not parts or self._too_large(moment, parts):
            return
        rows = place(parts)
        arrived = self._copy.take(parts, rows)
        head = {
            "snapshot": self._count,
            "step": moment.step,
            "time": moment.time,
            "budget": self._budget,
            "tensors": [asdict(row) for row in rows],
        }
        self._sending.start(_OnItsWay(moment.vault, head), self._copy.view(rows), arrived)
        self._taken, self._count = moment.step, self._count + 1

    def _fit(self, moment: Moment) -> list[Part]:
        parts = []
        for name, tensor in weights(moment.model):
            if reason := unfit(tensor):
                self._say(moment, f"'{name}' {reason}; snapshots are without it")
            else:
                parts.append(Part.of(name, tensor))
        return parts

    def _too_large(self, moment: Moment, parts: list[Part]) -> bool:
        """The first snapshot and the last always stay; what is frozen they share."""
        sizes = {part.place: part.size for part in parts}
        frozen = {part.place: part.size for part in parts if part.frozen}
        whole = sum(sizes.values())
        least = 2 * whole - sum(frozen.values())
        if least <= self._budget and whole <= LARGEST_DATASET:
            return False
        reason = f"one is of {whole} bytes, and a file holds {LARGEST_DATASET}"
        if whole <= LARGEST_DATASET:
            reason = (
                f"the first and the last alone are of {least} bytes, and budget={self._budget}; "
                f"pass Snapshots(budget={2 * least}) to have some more"
            )
        self._say(moment, f"no snapshots are taken: {reason}")
        return True

    def _say(self, moment: Moment, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            moment.event("snapshots", text)


@dataclass(frozen=True)
class _OnItsWay:
    """One snapshot, as its pieces leave."""

    vault: Vault
    head: dict[str, Any]

    def begin(self) -> None:
        self.vault.begin_snapshot(self.head)

    def send(self, at: int, chunk: memoryview) -> None:
        self.vault.send_chunk(self.head["snapshot"], at, chunk)

    @property
    def room(self) -> int:
        return self.vault.room
