"""No number changes on its way, and none takes more bytes than it needs."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest

from dashboard.canvas import Canvas
from dashboard.typed_arrays import packed, plain


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array([1, -1]), "i1"),
        (np.array([0, 255]), "u1"),
        (np.array([0, 70_000]), "i4"),
        (np.array([0, 3_000_000_000]), "u4"),
        (np.array([0, 2**40]), "f8"),  # as large whole numbers are in a page
        (np.array([0.5, np.nan, -np.inf]), "f2"),
        (np.array([0.5, 1e-6], np.float32), "f4"),
        (np.array([0.1]), "f8"),
        (np.array([1e300]), "f8"),
        (np.empty(0), "f2"),
        (np.arange(6).reshape(2, 3), "i1"),
        (np.ones((200, 0), np.float32), "f2"),
    ],
)
def test_the_smallest_type_that_holds_it(values: Any, kind: str) -> None:
    written = json.loads(json.dumps(packed(values)))
    found = plain(written)
    assert written["dtype"] == kind
    np.testing.assert_array_equal(found, values)
    assert found.shape == values.shape
    assert len(base64.b64decode(written["bdata"])) == values.size * int(kind[1])


def test_minus_zero_stays() -> None:
    assert np.signbit(plain(packed(np.array([-0.0]))))[0]


def test_what_plotly_packs_is_read() -> None:
    z = np.arange(12.0).reshape(3, 4)
    trace = plain(Canvas(data=[{"type": "heatmap", "z": z}]).to_plotly_json())["data"][0]
    np.testing.assert_array_equal(trace["z"], z)


def test_words_flags_and_numbers_are_what_json_makes_of_them() -> None:
    told = {"a": (np.int64(3), np.nan), "b": np.array(["x", "y"]), "c": np.array([True]), "d": None}
    assert plain(told) == {"a": [3, None], "b": ["x", "y"], "c": [True], "d": None}
