"""The program of a run: captured before anything is hooked, then sent to the scribe that keeps it.

A model that no program can be made of is said once, with the way round, and training goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from probes.folder import NotRecordable
from probes.host_copy import HostCopy, Part, place
from probes.program.form import Recorded
from probes.program.objective import Loss
from probes.program.refusals import LIVE
from probes.program_file import HELD_OUT, has_program
from probes.sending import Sending
from probes.troubles import Troubles

EVENT = "program"
REFUSED = "the loss program is not recorded"
UNFIT = "the held-out batch is not recorded"


class Desk(Protocol):
    """What an outbox does for a program."""

    def event(self, step: int, kind: str, text: str) -> None: ...

    def begin_program(self, head: dict[str, Any]) -> None: ...

    def send_piece(self, offset: int, chunk: bytes | memoryview) -> None: ...

    @property
    def room(self) -> int: ...


class Deposit:
    """Captured when it is made: before anything is hooked, which an export would run into.

    With no batch there is nothing to do, and a run keeps the first program that it got.
    """

    def __init__(
        self, model: nn.Module, loss: Loss, batch: Any, folder: Path, held_out: Any = None
    ) -> None:
        self._sending = Sending(EVENT)
        self._recorded: Recorded | None = None
        self._text = ""
        self._refusals: list[str] = []
        if batch is None or has_program(folder):
            return
        with self._refusing(REFUSED, advice=LIVE):
            self._capture(model, loss, batch)
        if held_out is not None and self._recorded is not None:
            with self._refusing(UNFIT, advice="Give it as batch is given."):
                self._hold_out(model, loss, batch, held_out)

    @contextmanager
    def _refusing(self, what: str, advice: str) -> Iterator[None]:
        try:
            yield
        except NotRecordable as error:
            self._refusals.append(f"{what}: {error}")
        except Exception as error:  # one that nobody foresaw
            told = f"{error}".strip().partition("\n")[0]
            said = f"{type(error).__name__}: {told.rstrip('.')}. {advice}"
            self._refusals.append(f"{what}: {said}")

    def _capture(self, model: nn.Module, loss: Loss, batch: Any) -> None:
        from probes.program.as_json import to_json
        from probes.program.export import capture  # torch.export takes a second

        recorded = capture(model, loss, batch)
        self._text, self._recorded = to_json(recorded.program), recorded

    def _hold_out(self, model: nn.Module, loss: Loss, batch: Any, held_out: Any) -> None:
        from probes.program.held_out import with_held_out

        assert self._recorded is not None
        self._recorded = with_held_out(self._recorded, model, loss, (batch, held_out))

    def hand_over(self, desk: Desk, troubles: Troubles, step: int) -> None:
        """The program, by and by, or why there is none."""
        for text in self._refusals:
            troubles.say(text, f"{text.rstrip('.')}. Training goes on, and all else is recorded.")
            desk.event(step, EVENT, text)
        if self._recorded is not None:
            for note in self._recorded.program.notes:
                desk.event(step, EVENT, note)
            self._send(desk, _parts(self._recorded))
            self._recorded = None

    def _send(self, desk: Desk, parts: list[Part]) -> None:
        rows, copy = place(parts), HostCopy()
        arrived = copy.take(parts, rows)
        head = {"text": self._text, "time": time.time(), "tensors": [asdict(row) for row in rows]}
        self._sending.start(_OnItsWay(desk, head), copy.view(rows), arrived)

    def close(self, troubles: Troubles) -> None:
        """All of it has left, or what kept it is said."""
        self._sending.wait()
        self._sending.end()
        for failure in self._sending.failures:
            troubles.say(EVENT, f"the loss program was not stored: {failure}")


def _parts(recorded: Recorded) -> list[Part]:
    named = {f"constant:{name}": tensor for name, tensor in recorded.constants.items()}
    named |= {f"input:{name}": tensor for name, tensor in recorded.batch.items()}
    named |= {f"{HELD_OUT}{name}": tensor for name, tensor in (recorded.held_out or {}).items()}
    return [Part.of(name, tensor.contiguous()) for name, tensor in named.items()]


@dataclass(frozen=True)
class _OnItsWay:
    """The program, as its pieces leave."""

    desk: Desk
    head: dict[str, Any]

    def begin(self) -> None:
        self.desk.begin_program(self.head)

    def send(self, at: int, chunk: memoryview) -> None:
        self.desk.send_piece(at, chunk)

    @property
    def room(self) -> int:
        return self.desk.room
