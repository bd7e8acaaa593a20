"""The program of a run folder, read: every name, type and size checked, and nothing run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.folder import ProgramError
from probes.program.as_json import LARGEST, from_json
from probes.program.form import Program, Recorded
from probes.program.literals import DTYPES
from probes.program.soundness import check
from probes.program_file import PROGRAM, TENSORS
from probes.snapshot_file import read_alone


class NoProgramError(ProgramError):
    """The folder has none."""


def read_program(folder: str | Path) -> Recorded:
    """Checked in full; nothing has run."""
    folder = Path(folder)
    program = from_json(_text(folder))
    check(program)
    arrays = read_alone(folder / TENSORS)
    constants = _fitting(program, "constant", _without(arrays, "constant:"))
    batch = _fitting(program, "input", _without(arrays, "input:"))
    return Recorded(program, constants, batch)


def _text(folder: Path) -> bytes:
    """No more than a program may have, whatever the file's size."""
    try:
        with (folder / PROGRAM).open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise NoProgramError(
            f"'{folder}' holds no program ({error.strerror}); record it with Recorder(…, "
            "loss=loss_fn, batch=(x, y)), or analyse live: Subject(model, loss, batch), or "
            "--subject module:factory"
        ) from error


def weights_of(program: Program, snapshot: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """A snapshot as the program wants it."""
    return _fitting(program, "parameter", snapshot) | _fitting(program, "buffer", snapshot)


def _without(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _fitting(program: Program, kind: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Tensors of this kind, of the very shapes that the program was recorded with."""
    found = {}
    for spec in program.of_kind(kind):
        if spec.name not in arrays:
            raise ProgramError(
                f"the program needs {kind} '{spec.name}', and there are: "
                f"{', '.join([*arrays][:8]) or 'none'}; is this snapshot of the same model?"
            )
        array = arrays[spec.name]
        if not _shaped(array.shape, spec.shape):
            raise ProgramError(
                f"{kind} '{spec.name}' is of shape {list(array.shape)}, and the program was "
                f"recorded with {list(spec.shape)}; is this snapshot of the same model?"
            )
        found[spec.name] = torch.from_numpy(array.copy()).to(DTYPES[spec.dtype])
    return found


def _shaped(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    same = len(shape) == len(wanted)
    return same and all(w is None or s == w for s, w in zip(shape, wanted, strict=True))
