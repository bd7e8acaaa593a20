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
from probes.program.batching import batched
from probes.program.form import Program, Recorded
from probes.program.literals import DTYPES
from probes.program.soundness import AGAIN, check
from probes.program_file import HELD_OUT, PROGRAM, TENSORS
from probes.snapshot_file import read_alone, read_index


class NoProgramError(ProgramError):
    """The folder has none."""


def read_program(folder: str | Path) -> Recorded:
    """Checked in full; nothing has run."""
    folder = Path(folder)
    program = from_json(_text(folder))
    check(program)
    _check_types(program, folder / TENSORS)
    arrays = read_alone(folder / TENSORS)
    constants = _fitting(program, "constant", _without(arrays, "constant:"))
    batch = _examples(program, _without(arrays, "input:"), "input")
    held_out = _without(arrays, HELD_OUT)
    return Recorded(
        program, constants, batch, _examples(program, held_out, "held_out") if held_out else None
    )


def _examples(program: Program, arrays: dict[str, NDArray[Any]], whose: str) -> dict[str, Tensor]:
    """A batch: all the inputs of the program and nothing else, of as many examples each."""
    found = _fitting(program, "input", arrays, whose)
    if strange := arrays.keys() - found.keys():
        raise ProgramError(
            f"there is {whose} '{min(strange)[:60]}', which no program takes. {AGAIN}"
        )
    names = batched(program.tensors.values())
    lengths = {name: len(tensor) for name, tensor in found.items() if name in names}
    if len({*lengths.values()}) > 1:
        each = ", ".join(f"{length} of '{name}'" for name, length in [*lengths.items()][:8])
        raise ProgramError(f"the {whose} tensors are of several lengths ({each}). {AGAIN}")
    return found


def _check_types(program: Program, path: Path) -> None:
    """Before anything is read: what is stored is of the types that the program takes."""
    rows = read_index(path)[1]
    held = {row.name: row.dtype for row in rows if not row.alias}
    for row in rows:
        kind, _, name = row.name.partition(":")
        spec = program.tensors.get(f"{'input' if kind == 'held_out' else kind}:{name}")
        found = held.get(row.alias or row.name, spec and spec.dtype)
        if spec is not None and found != spec.dtype:
            raise ProgramError(
                f"'{row.name[:60]}' is of {str(found)[:40]}, and the program takes {spec.dtype}. "
                f"{AGAIN}"
            )


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


def _fitting(
    program: Program, kind: str, arrays: Mapping[str, NDArray[Any]], whose: str = ""
) -> dict[str, Tensor]:
    """Tensors of this kind, of the very shapes that the program was recorded with."""
    found, whose = {}, whose or kind
    own = kind in ("parameter", "buffer")
    advice = "; is this snapshot of the same model?" if own else f". {AGAIN}"
    for spec in program.of_kind(kind):
        if spec.name not in arrays:
            raise ProgramError(
                f"the program needs {whose} '{spec.name}', and there are: "
                f"{', '.join([*arrays][:8]) or 'none'}{advice}"
            )
        array = arrays[spec.name]
        if not _shaped(array.shape, spec.shape):
            raise ProgramError(
                f"{whose} '{spec.name}' is of shape {list(array.shape)}, and the program was "
                f"recorded with {list(spec.shape)}{advice}"
            )
        found[spec.name] = torch.from_numpy(array.copy()).to(DTYPES[spec.dtype])
    return found


def _shaped(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    same = len(shape) == len(wanted)
    return same and all(w is None or s == w for s, w in zip(shape, wanted, strict=True))
