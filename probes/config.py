"""What the user says of a training, such as its learning rate: kept as JSON, whatever it is."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from probes.troubles import Troubles

MOST_BYTES = 64 * 1024
MOST_LETTERS = 1000  # of something that is written as its repr
DEEP = 12  # tables inside tables; more are written as their repr
CUT = "(cut)"  # the name under which it is said what is missing
SECRETS = ("key", "token", "secret", "password")  # last words of a name …
LONG = 8  # … whose value is hidden, if it has so many letters: "<pad>" is no password


def kept_config(config: Any, troubles: Troubles) -> dict[str, Any]:
    """As JSON can write it; what it cannot is kept as its repr, and said once."""
    try:
        strange: list[str] = []
        told = {
            name: _hidden(name, _plain(value, name, strange))
            for name, value in _named(config).items()
        }
        if strange:
            troubles.say("config", f"config: not JSON, kept as text: {', '.join(strange[:5])}")
        return _cut(told, troubles)
    except Exception as error:
        troubles.failed("keeping config", error)
        return {}


def _named(config: Any) -> dict[str, Any]:
    """A table; or what has attributes, such as the arguments of a command."""
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        config = getattr(config, "__dict__", None) or {"config": config}
    return {str(name): value for name, value in config.items()}


def _plain(value: Any, name: str, strange: list[str], depth: int = 0) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping) and depth < DEEP:
        inside = {str(key): (f"{name}.{key}", each) for key, each in value.items()}
        return {
            key: _hidden(key, _plain(each, place, strange, depth + 1))
            for key, (place, each) in inside.items()
        }
    if isinstance(value, (list, tuple)) and depth < DEEP:
        return [_plain(each, name, strange, depth + 1) for each in value]
    strange.append(name)
    return repr(value)[:MOST_LETTERS]


def _hidden(name: str, value: Any) -> Any:
    """A run folder is passed around, and shall not carry a password."""
    last = re.split(r"[^a-z]+", name.lower())[-1]
    is_secret = isinstance(value, str) and len(value) >= LONG and last.endswith(SECRETS)
    return "…" if is_secret else value


def _cut(told: dict[str, Any], troubles: Troubles) -> dict[str, Any]:
    """The first that there is room for."""
    if len(json.dumps(told)) <= MOST_BYTES:
        return told
    room, found, left_out = MOST_BYTES - 200, {}, []
    for name, value in told.items():
        room -= (size := len(json.dumps({name: value})))
        if room >= 0:
            found[name] = value
        else:
            room += size
            left_out.append(name[:40])
    said = f"{len(left_out)} of {len(told)} entries left out: over {MOST_BYTES // 1024} KB in all"
    troubles.say("config size", f"config: {said} ({', '.join(left_out[:3])} …)")
    return {**found, CUT: said}
