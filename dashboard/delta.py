"""What changed from one figure to the next: while a run grows, a page is sent no more than that.

Figures are dicts as plotly writes them. A change is a dict with the `path` that leads to it and

    value            what is there now
    gone             that nothing is there any more
    from, to, tail   of a list or a flat array: what stands in place of its elements from … to …
    columns, tail    of an array [row, column, …]: its columns from the first that changed on

`assets/delta.js` does in a page what `applied` does here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np

from dashboard.typed_arrays import Array, packed, plain

Change = dict[str, Any]
Path = tuple[str | int, ...]

WORTH = 0.7  # of the whole figure: a larger delta is not worth its trouble


def delta(old: dict[str, Any], new: dict[str, Any]) -> list[Change] | None:
    """The changes, ready to be written as JSON; None where the whole figure is hardly more."""
    before, now = plain(old), plain(new)
    changes = [*_changes((), before, now)]
    if _weight(changes) > WORTH * _weight(now):
        return None
    return [packed(change) for change in changes]


def applied(old: dict[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """The new figure, its arrays unpacked; the old one stays as it is."""
    found: dict[str, Any] = reduce(_with, plain(list(changes)), plain(old))
    return found


def _changes(path: Path, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _of_dicts(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _of_lists(path, old, new)
    elif isinstance(old, np.ndarray) and isinstance(new, np.ndarray):
        yield from _of_arrays(path, old, new)
    elif not _is_same(old, new):
        yield _change(path, value=new)


def _of_dicts(path: Path, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    yield from (_change((*path, key), gone=True) for key in old if key not in new)
    for key, value in new.items():
        if key in old:
            yield from _changes((*path, key), old[key], value)
        else:
            yield _change((*path, key), value=value)


def _of_lists(path: Path, old: list[Any], new: list[Any]) -> Iterator[Change]:
    """Inside what both have, and behind it; of mere words and numbers only where they differ."""
    kinds = {*map(type, old), *map(type, new)}
    if not kinds & {dict, list, np.ndarray}:
        if bool not in kinds and old == new:
            return
        same = [_is_same(one, other) for one, other in zip(old, new, strict=False)]
        back = zip(reversed(old), reversed(new), strict=False)
        yield from _spliced(path, old, new, (same, [_is_same(*pair) for pair in back]))
        return
    for place, (one, other) in enumerate(zip(old, new, strict=False)):
        yield from _changes((*path, place), one, other)
    if len(old) != len(new):
        common = min(len(old), len(new))
        yield _change(path, **{"from": common, "to": len(old), "tail": new[common:]})


def _of_arrays(path: Path, old: Array, new: Array) -> Iterator[Change]:
    if old.dtype != new.dtype or old.ndim != new.ndim:
        yield _change(path, value=new)
    elif old.ndim == 1:
        many = min(len(old), len(new))
        same, back = _equal(old[:many], new[:many]), _equal(old[::-1][:many], new[::-1][:many])
        yield from _spliced(path, old, new, (same, back))
    elif old.ndim == 0 or len(old) != len(new) or old.shape[2:] != new.shape[2:]:
        yield _change(path, value=new)
    else:
        yield from _of_columns(path, old, new)


def _of_columns(path: Path, old: Array, new: Array) -> Iterator[Change]:
    many = min(old.shape[1], new.shape[1])
    others = tuple(axis for axis in range(old.ndim) if axis != 1)
    first = _alike(_equal(old[:, :many], new[:, :many]).all(axis=others))
    if first < max(old.shape[1], new.shape[1]):
        yield _change(path, columns=first, tail=new[:, first:])


def _spliced(path: Path, old: Any, new: Any, same: tuple[Any, Any]) -> Iterator[Change]:
    """What lies between an equal beginning and an equal end."""
    front, back = map(_alike, same)
    if front == len(old) == len(new):
        return
    back = min(back, min(len(old), len(new)) - front)
    span = {"from": front, "to": len(old) - back}
    yield _change(path, **span, tail=new[front : len(new) - back])


def _alike(same: Any) -> int:
    """How many are the same before the first that is not."""
    flags = np.asarray(same, bool)
    return int(flags.argmin()) if not flags.all() else len(flags)


def _equal(old: Array, new: Array) -> Array:
    """Element by element; NaN is as good as NaN."""
    same = np.asarray(old == new)
    return same | ((old != old) & (new != new)) if old.dtype.kind == "f" else same  # noqa: PLR0124


def _is_same(old: Any, new: Any) -> bool:
    """Of two that are not both dicts, lists or arrays; a flag is no number."""
    containers = (dict, list, np.ndarray)
    if isinstance(old, containers) or isinstance(new, containers):
        return False
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _change(path: Path, **what: Any) -> Change:
    return {"path": list(path)} | what


def _weight(value: Any) -> float:
    """About how many letters it takes to write it down."""
    if isinstance(value, np.ndarray):
        return 50 + 4 / 3 * value.nbytes
    if isinstance(value, dict):
        return sum(len(str(key)) + 4 + _weight(each) for key, each in value.items())
    if isinstance(value, list):
        return 2 + sum(1 + _weight(each) for each in value)
    return len(str(value)) + 2


def _with(node: Any, change: Change) -> Any:
    """A copy of what lies on the way to the change, with the change in it."""
    way = change["path"]
    if not way:
        return _changed(node, change)
    key, rest = way[0], change | {"path": way[1:]}
    if len(way) == 1 and change.get("gone"):
        return {name: each for name, each in node.items() if name != key}
    if isinstance(node, list):
        return [*node[:key], _with(node[key], rest), *node[key + 1 :]]
    return {**node, key: _with(node.get(key), rest)}


def _changed(node: Any, change: Change) -> Any:
    if "value" in change:
        return change["value"]
    tail = change["tail"]
    if "columns" in change:
        return np.concatenate([node[:, : change["columns"]], tail], axis=1)
    front, back = node[: change["from"]], node[change["to"] :]
    return [*front, *tail, *back] if isinstance(node, list) else np.concatenate([front, tail, back])
