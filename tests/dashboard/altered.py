"""Figures, and what becomes of them: for the two that carry over what changed."""

from __future__ import annotations

from typing import Any

import numpy as np

Figure = dict[str, Any]
KINDS = ("f8", "f4", "i8", "u2", "i1")


def pairs(many: int) -> list[tuple[Figure, Figure]]:
    """A figure as it was, and as it is: each of its parts kept, grown, changed, made or gone."""
    drawn = np.random.default_rng(7)
    return [_pair(drawn) for _ in range(many)]


def _pair(drawn: np.random.Generator) -> tuple[Figure, Figure]:
    old: Figure = {
        "data": [_trace(drawn) for _ in range(drawn.integers(1, 4))],
        "layout": {"height": 300, "meta": {"run": "a"}, "shapes": [], "xaxis": {"range": [0, 1]}},
    }
    data = [{key: _next(drawn, each) for key, each in trace.items()} for trace in old["data"]]
    data = data[: drawn.integers(1, 4)] + [_trace(drawn) for _ in range(drawn.integers(0, 2))]
    layout: Figure = {
        "height": drawn.choice([300, 400]).item(),
        "meta": {"run": drawn.choice(["a", "b"]).item(), "late": True},
        "shapes": [{"x0": drawn.normal(), "visible": bool(drawn.integers(2))}],
        "xaxis": {"range": [0, float(drawn.choice([1, np.nan]))]},
    }
    return old, {"data": data, "layout": layout}


def _trace(drawn: np.random.Generator) -> dict[str, Any]:
    columns = int(drawn.integers(1, 9))
    trace = {
        "type": "heatmap",
        "x": _array(drawn, (columns,)),
        "z": _array(drawn, (3, columns)),
        "customdata": _array(drawn, (3, columns, 2)),
        "text": [f"layer {n}" for n in range(columns)],
        "line": {"color": "#123456", "width": 1.5},
        "steps": [{"args": [n, None, [float(n)]]} for n in range(int(drawn.integers(3)))],
        "visible": True,
    }
    kept = [name for name in trace if drawn.random() < 0.9]
    return {name: trace[name] for name in kept}


def _array(drawn: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    kind = np.dtype(drawn.choice(KINDS))
    values = drawn.integers(-100 * (kind.kind != "u"), 100, shape).astype(kind)
    if kind.kind == "f":
        values += (np.random.default_rng(1).normal(size=shape) / 3).astype(kind)
        values[drawn.random(shape) < 0.2] = np.nan
        values[drawn.random(shape) < 0.1] = np.inf
    return values


def _next(drawn: np.random.Generator, value: Any) -> Any:
    """Most stays as it is."""
    if drawn.random() < 0.4 or not isinstance(value, (np.ndarray, list)):
        return value
    if isinstance(value, list):
        return [*value[: drawn.integers(0, 3)], *value[3:], *value[:1], *value[:1]]
    if value.ndim == 1:
        return np.concatenate([value[: drawn.integers(1, 9)], _like(drawn, value), value[-2:]])
    kept = value[:, : drawn.integers(0, 9)]
    return np.concatenate([kept, _like(drawn, value)], axis=1) if drawn.random() < 0.8 else kept


def _like(drawn: np.random.Generator, value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    shape = (3,) if value.ndim == 1 else (len(value), 2, *value.shape[2:])
    return drawn.integers(0, 100, shape).astype(value.dtype)
