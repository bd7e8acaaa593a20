"""Of a run's small JSON files only what is of the kind that it must be.

A stranger may have written them. What is of another kind counts as not there: a run is not
refused for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGEST = 2**53  # beyond it numbers are no longer told apart
STATES = {"running", "finished", "failed", "killed"}
_TEXTS = {"id", "started", "host", "schedule"}
_NUMBERS = {"steps", "records", "dropped", "updated", "overhead", "last_record"}
_TABLES = {"model", "git", "versions", "series", "scalars"}
_LISTS = {"optimizers", "argv"}


def sound(found: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that make sense; such as no version knows are left as they are."""
    kept = {name: value for name, value in found.items() if _is_sound(name, value)}
    kept = {name: _writable(value) for name, value in kept.items()}
    return kept | {name: _texts(kept[name]) for name in ("versions", "series") if name in kept}


def _is_sound(name: str, value: Any) -> bool:
    if name == "state":
        return isinstance(value, str) and value in STATES
    if name in _NUMBERS:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and abs(value) < LARGEST  # and so neither NaN nor infinite
    kinds = ((_TEXTS, str), (_TABLES, dict), (_LISTS, list))
    return all(isinstance(value, kind) for names, kind in kinds if name in names)


def _texts(table: Mapping[str, Any]) -> dict[str, str]:
    return {name: text for name, text in table.items() if isinstance(text, str)}


def _writable(value: Any) -> Any:
    r"""JSON may hold half a letter ("\ud800"), which no page can be written with."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_writable(each) for each in value]
    if isinstance(value, dict):
        return {_writable(name): _writable(each) for name, each in value.items()}
    return value
