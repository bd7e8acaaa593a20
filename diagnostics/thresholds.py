"""The rules' thresholds, read from thresholds.toml: one place, each with where it comes from.

A file of the user's, of the same names, changes some of them for one examination:

    [vanishing_gradient]
    first_to_last = 0.001
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from probes.folder import FathomError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Changed:
    """A threshold that the user has set otherwise."""

    rule: str
    name: str
    value: float
    built_in: float


_changes: ContextVar[tuple[Changed, ...]] = ContextVar("changes", default=())


class Limits(Mapping[str, float]):
    """A rule's thresholds by name, as they stand when they are asked for."""

    def __init__(self, rule: str) -> None:
        self._rule, self._built_in = rule, _built_in()[rule]

    def __getitem__(self, name: str) -> float:
        changed = (c.value for c in _changes.get() if (c.rule, c.name) == (self._rule, name))
        return next(changed, self._built_in[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._built_in)

    def __len__(self) -> int:
        return len(self._built_in)


def thresholds(rule: str) -> Limits:
    """Those of one rule."""
    return Limits(rule)


@contextmanager
def changed_by(file: str | os.PathLike[str] | None) -> Iterator[tuple[Changed, ...]]:
    """Within it rules go by a file of the user's wherever it says something."""
    changes = () if file is None else _read(Path(file))
    token = _changes.set(changes)
    try:
        yield changes
    finally:
        _changes.reset(token)


@cache
def _built_in() -> dict[str, dict[str, float]]:
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {
        rule: {name: entry["value"] for name, entry in table.items()}
        for rule, table in tomllib.loads(text).items()
    }


def _read(file: Path) -> tuple[Changed, ...]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FathomError(f"'{file}' is not TOML: {error}") from error
    return tuple(
        _changed(file, rule, name, entry)
        for rule, table in tables.items()
        for name, entry in _table(file, rule, table).items()
    )


def _table(file: Path, rule: str, table: Any) -> dict[str, Any]:
    if rule not in _built_in():
        there = ", ".join(sorted(_built_in()))
        raise FathomError(
            f"'{file}' has thresholds of '{rule}', which is no rule (there are: {there})."
        )
    if not isinstance(table, dict):
        raise FathomError(f"'{file}' gives '{rule}' a value; write its thresholds under [{rule}].")
    return table


def _changed(file: Path, rule: str, name: str, entry: Any) -> Changed:
    value = entry.get("value") if isinstance(entry, dict) else entry
    known = _built_in()[rule]
    if name not in known:
        raise FathomError(
            f"'{file}' sets '{name}' of {rule}, which has no such threshold "
            f"(it has: {', '.join(known)})."
        )
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise FathomError(f"'{file}' sets {rule}.{name} to {value!r}; give a number.")
    return Changed(rule, name, float(value), known[name])
