"""What is packed opens again, equal things are kept once, and no picture changes by it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import numpy as np
import pytest

from dashboard.packing import figures_text, packed, unpacked


def spec(values: Any, dtype: str = "f8") -> dict[str, str]:
    """An array as plotly writes it."""
    return {"dtype": dtype, "bdata": b64encode(np.asarray(values, dtype).tobytes()).decode()}


def kept(values: Any) -> Any:
    """The array as the text holds it."""
    told = json.loads(figures_text({"a": {"data": [{"y": spec(values)}]}}))
    (array,) = told["arrays"]
    assert told["figures"]["a"]["data"][0]["y"] == {"array": 0}
    return array["dtype"], np.frombuffer(b64decode(array["bdata"]), array["dtype"])


def test_text_comes_back_and_is_short() -> None:
    text = "<script>Ω & </script>" * 1000
    assert unpacked(packed(text)) == text
    assert len(packed(text)) < len(text) / 50
    assert packed(text) == packed(text)  # no time of day in it
    assert set(packed("Ω<\0")).isdisjoint("<&>\"'")


def test_equal_arrays_are_kept_once() -> None:
    figure = {"data": [{"x": spec([1, 2, 3]), "y": spec([4, 5, 6])}, {"x": spec([1, 2, 3])}]}
    told = json.loads(figures_text({"a": figure, "a log": figure}))
    assert len(told["arrays"]) == 2
    assert told["figures"]["a"] == told["figures"]["a log"]
    assert told["figures"]["a"]["data"][0]["x"] == told["figures"]["a"]["data"][1]["x"]


def test_shapes_and_other_types_stay() -> None:
    whole = spec([[1, 2], [3, 4]], "i2") | {"shape": "2, 2"}
    told = json.loads(figures_text({"a": {"data": [{"z": whole}], "layout": {"title": "A"}}}))
    assert told["arrays"] == [whole]
    assert told["figures"]["a"]["layout"] == {"title": "A"}


def test_numbers_take_half_the_room_where_nobody_sees_it() -> None:
    values = np.random.default_rng(0).normal(size=500) ** 3
    values[3], values[7], values[9] = np.nan, np.inf, -np.inf
    dtype, numbers = kept(values)
    assert dtype == "f4"
    np.testing.assert_allclose(numbers, values, rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        1.7e12 + np.arange(50.0),  # milliseconds of a day: their range is small beside them
        np.array([1e-60, 1.0]),  # on a logarithmic axis both are seen
        np.array([1e200, 1.0]),
    ],
)
def test_numbers_that_would_suffer_stay_as_they_are(values: Any) -> None:
    dtype, numbers = kept(values)
    assert dtype == "f8"
    np.testing.assert_array_equal(numbers, values)
