"""Arrays of a figure on their way to a page: in as few bytes as hold them exactly."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Typed = dict[str, Any]  # {"dtype": "f4", "bdata": base64, "shape": "3, 4"}, the last if not flat

_WHOLE = (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32)
_HALVES = {"f8": np.float32, "f4": np.float16}


def plain(value: Any) -> Any:
    """A figure as a page sees it: dicts, lists, texts and numbers, and arrays of numbers.

    Not a number is None, but in arrays; what plotly has packed already is unpacked.
    """
    if isinstance(value, dict):
        if is_typed(value):
            return unpacked(value)
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray) and value.dtype.kind not in "iuf":
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def packed(value: Any) -> Any:
    """Ready to be written as JSON; `fathomDelta.decoded` in the browser makes arrays of it again.

    Half precision ("f2"), which plotly does not know, is used where it loses nothing.
    """
    if isinstance(value, np.ndarray):
        return _packed(value)
    if isinstance(value, dict):
        return {key: packed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [packed(each) for each in value]
    return value


def is_typed(value: dict[str, Any]) -> bool:
    return "bdata" in value and "dtype" in value


def unpacked(typed: Typed) -> Array:
    """The array again; half precision comes back as single."""
    kind = np.dtype(typed["dtype"].replace("u1c", "u1")).newbyteorder("<")
    flat = np.frombuffer(base64.b64decode(typed["bdata"]), kind)
    if kind.itemsize == 2 and kind.kind == "f":
        flat = flat.astype(np.float32)
    shape = [int(n) for n in str(typed.get("shape", "")).split(",") if n.strip()]
    return flat.reshape(shape) if shape else flat


def _packed(array: Array) -> Typed:
    exact = _narrowed(array)
    exact = np.ascontiguousarray(exact, exact.dtype.newbyteorder("<"))
    typed = {
        "dtype": f"{exact.dtype.kind}{exact.itemsize}",
        "bdata": base64.b64encode(exact.tobytes()).decode(),
    }
    return typed if array.ndim == 1 else typed | {"shape": ", ".join(map(str, array.shape))}


def _narrowed(array: Array) -> Array:
    """The same numbers in the smallest type that has them all."""
    if array.dtype.kind in "iu":
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        for kind in _WHOLE:
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return array.astype(kind)
        return array.astype(np.float64)
    while (half := _HALVES.get(f"f{array.itemsize}")) is not None:
        with np.errstate(over="ignore"):
            smaller = array.astype(half)
        if not np.array_equal(smaller, array, equal_nan=True):
            break
        array = smaller
    return array
