"""Figures and scripts as little text: what is the same is kept once, and all of it compressed."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]

SAME = 1e-6  # a relative error that nobody sees in a picture, nor in the digits under the pointer


def packed(text: str) -> str:
    """Letters that mean nothing to HTML: what a browser's DecompressionStream opens."""
    return b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def unpacked(letters: str) -> str:
    """The text again."""
    return gzip.decompress(b64decode(letters)).decode()


def figures_text(figures: Mapping[str, Any]) -> str:
    """All figures as JSON: an array of numbers is the place where `arrays` has it."""
    from plotly.utils import PlotlyJSONEncoder

    arrays: dict[tuple[str, ...], int] = {}
    kept = {name: _gathered(figure, arrays) for name, figure in figures.items()}
    listed = [dict(zip(("dtype", "bdata", "shape"), each, strict=False)) for each in arrays]
    told = {"arrays": listed, "figures": kept}
    return json.dumps(told, cls=PlotlyJSONEncoder, separators=(",", ":"))


def _gathered(value: Any, arrays: dict[tuple[str, ...], int]) -> Any:
    """The same, its arrays of numbers among `arrays`: choices show one array many times."""
    if isinstance(value, Mapping):
        if "bdata" in value:
            return {"array": arrays.setdefault(_short(value), len(arrays))}
        return {name: _gathered(each, arrays) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_gathered(each, arrays) for each in value]
    return value


def _short(array: Mapping[str, str]) -> tuple[str, ...]:
    """Type, numbers and shape; numbers of 8 bytes in 4 where a picture loses nothing by it."""
    kind, numbers, shape = array["dtype"], array["bdata"], array.get("shape")
    if kind == "f8":
        exact = np.frombuffer(b64decode(numbers), dtype="<f8")
        with np.errstate(over="ignore", under="ignore"):
            short = exact.astype("<f4")
        if _is_near(short, exact):
            kind, numbers = "f4", b64encode(short.tobytes()).decode()
    return (kind, numbers) if shape is None else (kind, numbers, shape)


def _is_near(short: Numbers, exact: Numbers) -> bool:
    """Each beside its size, for logarithmic axes; all beside their range, for times and zooms."""
    finite = exact[np.isfinite(exact)]
    if not np.allclose(short, exact, rtol=SAME, atol=0, equal_nan=True):
        return False
    error = np.abs(short[np.isfinite(exact)] - finite)
    return bool(not finite.size or error.max() <= 10 * SAME * np.ptp(finite))
