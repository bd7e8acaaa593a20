"""The tags that people give a run: kept in its folder, in a file of their own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from diagnostics.run import FathomError, RunError
from probes.folder import read_json, write_json

TAGS = "tags.json"
LONGEST = 40  # letters in a tag
MOST = 24  # tags of a run


def read_tags(folder: Path) -> tuple[str, ...]:
    """In the order in which they were given; a damaged file holds none."""
    try:
        told = read_json(folder / TAGS).get("tags")
    except RunError:
        return ()
    return _sound(told) if isinstance(told, list) else ()


def add_tag(folder: Path, tag: str) -> None:
    """Give a run a tag that it may have already."""
    before = read_tags(folder)
    if not _sound([tag]):
        raise FathomError(
            f"{tag[:LONGEST]!r} is no tag; write up to {LONGEST} letters, all in one line."
        )
    if len(before) >= MOST:
        raise FathomError(f"'{folder.name}' has {MOST} tags already; take one off first.")
    _write(folder, _sound([*before, tag]))


def remove_tag(folder: Path, tag: str) -> None:
    """Take a tag off a run."""
    _write(folder, [each for each in read_tags(folder) if each != tag])


def _sound(tags: Iterable[object]) -> tuple[str, ...]:
    """Short lines of text, each once; what they say is nobody's business."""
    plain = (each.strip() for each in tags if isinstance(each, str))
    kept = (tag for tag in plain if tag.isprintable() and 0 < len(tag) <= LONGEST)
    return tuple(dict.fromkeys(kept))[:MOST]


def _write(folder: Path, tags: Iterable[str]) -> None:
    try:
        write_json(folder / TAGS, {"tags": list(tags)})
    except OSError as error:
        raise FathomError(
            f"the tags of '{folder.name}' cannot be kept: {error.strerror}. "
            "Let whoever serves this page write into the run's folder."
        ) from error
