"""The folder of an export: written beside and renamed whole, and never over anything."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from diagnostics.run import FathomError


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill; at the end it has its name, or, if anything went wrong, is gone."""
    if folder.exists() or folder.is_symlink():
        raise taken(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".fathom-export-{secrets.token_hex(4)}"
    beside.mkdir()
    try:
        yield beside
        if folder.exists():
            raise taken(folder)
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _free(folder: Path) -> Path:
    """This name, or the next that nothing has."""
    names = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return folder if not folder.exists() else next(name for name in names if not name.exists())


def taken(folder: Path) -> FathomError:
    """What is told of a name that something has."""
    return FathomError(
        f"'{folder}' exists, and nothing is written over; give another folder, such as "
        f"'{_free(folder)}', or remove it first."
    )
