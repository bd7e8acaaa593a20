"""What is not of its kind is as good as not there; what no version knows stays."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from diagnostics.sound_json import sound


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("steps", bad) for bad in (math.nan, math.inf, -math.inf, 10**400, "7", True, [7], None)),
        *(("updated", bad) for bad in (math.nan, {}, "now")),
        *(("model", bad) for bad in ([], "x", 3, None)),
        *(("state", bad) for bad in ("constructor", "<b>", "", None, ["running"])),
        *((name, [1]) for name in ("started", "host", "state", "versions", "scalars", "git")),
        *(("optimizers", bad) for bad in ("Adam", {"Adam": 1}, 3)),
    ],
)
def test_what_is_of_another_kind_is_not_there(name: str, value: Any) -> None:
    assert sound({name: value, "kept": 1}) == {"kept": 1}


def test_what_is_of_its_kind_is_kept() -> None:
    whole = {
        "steps": 7,
        "updated": 1.5,
        "overhead": 0.0,
        "state": "running",
        "new": [None],
        "model": {"class": "Net", "parameters": 3},
        "versions": {"torch": "2"},
        "argv": ["x"],
        "scalars": {"loss": math.inf},
    }
    assert sound(whole) == whole


def test_versions_are_texts() -> None:
    assert sound({"versions": {"torch": "2", "numpy": {"a": 1}}}) == {"versions": {"torch": "2"}}


def test_half_a_letter_is_no_letter() -> None:
    read = json.loads(r'{"host": "\ud800x", "model": {"\udfff": ["\ud83d\ude00"]}}')
    told = sound(read)
    assert told == {"host": "?x", "model": {"?": ["😀"]}}
    json.dumps(told, ensure_ascii=False).encode()
