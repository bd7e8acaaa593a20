"""The loss program in a run folder, as the scribe writes it: program.json and program.h5.

program.json holds the operations (see probes/program/as_json.py), and program.h5 the tensors that
no snapshot has, "constant:mask" and "input:x", in the layout of a snapshot of step 0; and where a
second batch was held out from training, "held_out:x". The tensors come first: where there is a
program, all of it is there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from probes.folder import write_whole
from probes.gallery import Draft
from probes.plain_file import read_plain
from probes.wire import read_piece

PROGRAM, TENSORS = "program.json", "program.h5"
HELD_OUT = "held_out:"


def has_program(folder: str | Path) -> bool:
    return (Path(folder) / PROGRAM).is_file()


def program_text(folder: str | Path) -> str:
    """The program as it stands there, to look for a word in it."""
    return read_plain(Path(folder) / PROGRAM).decode(errors="replace")


class ProgramDraft:
    """A program that is coming in; what is not whole at the end never was."""

    def __init__(self, folder: Path, head: dict[str, Any]) -> None:
        """`head`: the JSON as `text`, the time, and a row for each tensor."""
        self._path, self._text = folder / PROGRAM, str(head["text"])
        about = {"snapshot": 0, "step": 0, "time": head["time"], "tensors": head["tensors"]}
        self._tensors: Draft | None = Draft(folder / TENSORS, about)
        self._go_on(memoryview(b""))  # it may be of no bytes at all

    def add(self, body: bytes) -> None:
        """A piece of its tensors; when one was lost on the way, all goes."""
        offset, chunk = read_piece(body)
        if self._tensors is None:
            return
        if offset != self._tensors.received:
            self.close()
        else:
            self._go_on(chunk)

    def _go_on(self, chunk: memoryview) -> None:
        assert self._tensors
        try:
            self._tensors.add(chunk)
            if not self._tensors.whole:
                return
            self._tensors.finish()
        except BaseException:
            self.close()
            raise
        self._tensors = None
        write_whole(self._path, self._text.encode())

    def close(self) -> None:
        if self._tensors is not None:
            self._tensors.writer.abandon()
        self._tensors = None
