"""A run that is served holds plain files, and nothing that leads out of the folder served."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from probes.folder import RunError

MOST_FILES = 200_000  # in one run


def check_enclosed(folder: Path, root: Path) -> None:
    """Refuse a run whose links would show, or let be written, what is not served.

    A folder from a stranger may hold links to anything, and pipes that whoever reads waits for.
    """
    served = os.path.realpath(root)
    for count, entry in enumerate(_entries(folder)):
        if count >= MOST_FILES:
            raise RunError(f"'{folder}' holds more than {MOST_FILES:,} files; it is not shown.")
        if entry.is_symlink():
            _check_link(entry, folder, served)
        elif not entry.is_dir() and not entry.is_file():
            raise RunError(f"'{_inside(entry, folder)}' in '{folder}' is no file; remove it.")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # gone, or not to be read: then nobody is led anywhere by it
            continue


def _check_link(entry: os.DirEntry[str], folder: Path, served: str) -> None:
    target = Path(os.path.realpath(entry.path))
    if not target.is_relative_to(served):
        raise RunError(
            f"'{_inside(entry, folder)}' in '{folder}' is a link to outside '{served}', which is "
            "the folder served; copy what it leads to into the run, or serve a folder that "
            "holds both."
        )
    if target.exists() and not target.is_dir() and not target.is_file():
        raise RunError(f"'{_inside(entry, folder)}' in '{folder}' leads to no file; remove it.")


def _inside(entry: os.DirEntry[str], folder: Path) -> str:
    return os.path.relpath(entry.path, folder)
