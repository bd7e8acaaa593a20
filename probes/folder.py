"""The run folder: its names, how it is made, how a file in it is written, and the errors."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from probes.plain_file import read_plain

FORMAT = "fathom-recording"
VERSION = 2

RUN = "run.json"
SUMMARY = "summary.json"
SEGMENTS = "segments"
ARCHIVE = "recording.h5"
HELD = ".recording"  # locked as long as a scribe writes
OWN_SCALARS = (  # those that probes give; a user may well log "validation/loss"
    *("answers/", "batches/", "gradient_norm/", "gradients/kept", "optimizer/"),
    *("validation/training", "validation/size", "validation/seen", "validation/known"),
    *("validation/covered", "validation/duplicates"),
)
WATCHED = ".watched"  # touched by a viewer: somebody looks, so segments come sooner


class FathomError(Exception):
    """What is wrong with its value, what there is, what to do: in one line."""


class RunError(FathomError):
    """A folder or file that cannot be used as a recording."""


class ProgramError(FathomError):
    """A stored loss program that is not what it must be; nothing of it has run."""


class NotRecordable(FathomError):  # noqa: N818  (said, not raised at the user)
    """A live model that no program can be made of: the reason, and the way round."""


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


def await_run(folder: Path, seconds: float = 60.0) -> None:
    """Wait until rank 0 has made the run that this process is to record into, and writes it."""
    deadline = time.monotonic() + seconds
    while not ((folder / RUN).is_file() and is_held(folder)):
        if time.monotonic() > deadline:
            raise RunError(
                f"no run is being written at '{folder}' after {seconds:g} seconds; rank 0 makes "
                "it. See that rank 0 has a Recorder too, and that all ranks share this folder."
            )
        time.sleep(0.05)


def hold(folder: Path, rank: int = 0, patience: float = 10.0) -> int:
    """Take the run for writing; the open file that holds it goes to the scribe, and with it ends.

    A scribe that is still finishing is waited for.
    """
    if not (folder / RUN).is_file():
        raise RunError(f"there is no run at '{folder}' to resume; leave out resume=True.")
    try:
        held = os.open(of_rank(folder / HELD, rank), os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise RunError(f"'{folder}' cannot be written: {error.strerror}.") from error
    deadline = time.monotonic() + patience
    while not _locked(held, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            os.close(held)
            raise RunError(
                f"'{folder}' is still being recorded. Wait until that training ends, or choose "
                f"another folder, such as '{_next_free(folder)}'."
            )
        time.sleep(0.05)
    return held


def is_held(folder: Path, rank: int = 0) -> bool:
    """Does a scribe write this run at this moment?"""
    try:
        # a pipe of that name, in a folder of a stranger's, must not be waited for
        held = os.open(of_rank(folder / HELD, rank), os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return not _locked(held, fcntl.LOCK_SH)
    finally:
        os.close(held)


def _locked(file: int, kind: int) -> bool:
    """Whether the lock was to be had; a file system that knows no locks gives it to all."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def write_whole(path: Path, data: bytes) -> None:
    """Write beside, then rename: a reader finds the whole file or none."""
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)  # a link of that name would lead the bytes elsewhere
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: dict[str, Any]) -> None:
    write_whole(path, json.dumps(content, indent=1).encode())


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_plain(path).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"'{path}' cannot be read ({error}); is it a Fathom run?") from error
    if not isinstance(content, dict):
        raise RunError(f"'{path}' holds no table; is it a Fathom run?")
    return content


def of_rank(path: Path, rank: int) -> Path:
    """The file by which this rank goes: rank 0 keeps the plain name."""
    return path.with_name(f"{path.stem}-r{rank:04d}{path.suffix}") if rank else path


def segment_path(folder: Path, sequence: int, rank: int = 0) -> Path:
    return folder / SEGMENTS / f"r{rank:04d}-{sequence:08d}.h5"


def segment_paths(folder: Path, rank: int = 0) -> list[Path]:
    """A rank's finished segments, oldest first."""
    return sorted((folder / SEGMENTS).glob(f"r{rank:04d}-*.h5"))


def rank_files(folder: Path) -> dict[int, list[Path]]:
    """Every rank that has written here, rank 0 first, and its finished segments, oldest first."""
    found: dict[int, list[Path]] = defaultdict(list)
    for path in [folder / ARCHIVE, *folder.glob("*-r*.*")]:
        if name := _RANKED.fullmatch(path.name):
            found[int(name[1] or 0)] += []
    for path in sorted((folder / SEGMENTS).glob("r*-*.h5")):
        if name := _SEGMENT.fullmatch(path.name):
            found[int(name[1])].append(path)
    return dict(sorted(found.items()))


_RANKED = re.compile(r"(?:recording|summary)(?:-r([0-9]{4,9}))?\.(?:h5|json)")
_SEGMENT = re.compile(r"r([0-9]{4,9})-[0-9]{8,18}\.h5")


def sequence_of(path: Path) -> int:
    return int(path.stem.rsplit("-", 1)[1])
