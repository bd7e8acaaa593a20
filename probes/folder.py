"""The run folder: its names, how it is made, how a file in it is written, and the errors."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

FORMAT = "fathom-recording"
VERSION = 1

RUN = "run.json"
SUMMARY = "summary.json"
SEGMENTS = "segments"
ARCHIVE = "recording.h5"
WATCHED = ".watched"  # touched by a viewer: somebody looks, so segments come sooner


class FathomError(Exception):
    """What is wrong with its value, what there is, what to do: in one line."""


class RunError(FathomError):
    """A folder or file that cannot be used as a recording."""


def create_run(folder: Path, info: dict[str, Any]) -> None:
    """Make a new run folder; one that holds anything is never touched."""
    if (folder / RUN).exists():
        raise RunError(
            f"'{folder}' already holds a run. Pass resume=True to append after its last step, "
            f"or choose another folder, such as '{_next_free(folder)}'."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            f"'{folder}' exists and is no run. Choose a folder that is new or empty, "
            f"such as '{_next_free(folder)}'."
        )
    text = json.dumps({"format": FORMAT, "version": VERSION, **info}, indent=1)
    try:
        (folder / SEGMENTS).mkdir(parents=True)
        write_whole(folder / RUN, text.encode())
    except OSError as error:
        with contextlib.suppress(OSError):
            (folder / SEGMENTS).rmdir()  # a half-made run would be in the way of the next try
        raise RunError(f"'{folder}' cannot be made: {error.strerror or error}.") from error


def _next_free(folder: Path) -> Path:
    candidates = (folder.with_name(f"{folder.name}-{n}") for n in range(2, 10_000))
    return next(path for path in candidates if not path.exists())


def wait_for_writer(folder: Path, patience: float = 10.0) -> None:
    """Wait for the scribe of an earlier training to finish; one that goes on is an error."""
    deadline = time.monotonic() + patience
    while (writer := _writer(folder)) is not None:
        if time.monotonic() > deadline:
            raise RunError(
                f"'{folder}' is still being recorded (process {writer}). Wait until that training "
                f"ends, or choose another folder, such as '{_next_free(folder)}'."
            )
        time.sleep(0.1)


def _writer(folder: Path) -> int | None:
    info = read_json(folder / RUN)
    summary = read_json(folder / SUMMARY) if (folder / SUMMARY).exists() else {}
    writer = summary.get("scribe")
    running = summary.get("state") == "running" and info.get("host") == platform.node()
    return writer if running and isinstance(writer, int) and is_alive(writer) else None


def is_alive(pid: int) -> bool:
    """Does a process of this machine still run?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # a dead process that nobody has waited for still answers
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def write_whole(path: Path, data: bytes) -> None:
    """Write beside, then rename: a reader finds the whole file or none."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: dict[str, Any]) -> None:
    write_whole(path, json.dumps(content, indent=1).encode())


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"'{path}' cannot be read ({error}); is it a Fathom run?") from error
    if not isinstance(content, dict):
        raise RunError(f"'{path}' holds no table; is it a Fathom run?")
    return content


def segment_path(folder: Path, sequence: int, rank: int = 0) -> Path:
    return folder / SEGMENTS / f"r{rank:04d}-{sequence:08d}.h5"


def segment_paths(folder: Path) -> list[Path]:
    """The finished segments, oldest first."""
    return sorted((folder / SEGMENTS).glob("r*-*.h5"))


def sequence_of(path: Path) -> int:
    return int(path.stem.rsplit("-", 1)[1])
