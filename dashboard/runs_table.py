"""The rows of the table of runs as plain JSON: the browser sorts, filters and draws them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dashboard.wording import words

if TYPE_CHECKING:
    from dashboard.run_row import RunRow, Value
    from dashboard.sparkline import Sparkline


def row_data(row: RunRow) -> dict[str, Any]:
    """All that a row shows and can be found by."""
    listing = row.listing
    return {
        "name": row.name,
        "state": row.state,
        "reason": row.reason,
        "steps": row.steps,
        "began": row.began,
        "updated": row.updated,
        "model": row.model,
        "parameters": row.parameters,
        "loss": _value(row.loss),
        "validation": _value(row.validation),
        "score": _value(row.score),
        "values": {name: plain(value) for name, value in row.values.items()},
        "curve": _curve(row.curve, row.curve_name),
        "verdicts": [[v.severity, words(v.disease), v.disease] for v in listing.verdicts]
        if listing
        else None,
        "looked": listing.looked if listing else 0,
        "trouble": listing.trouble if listing else "",
        "tags": list(row.tags),
    }


def plain(value: float) -> float | str:
    """JSON knows no NaN and no infinity; eight digits are more than are shown."""
    return float(f"{value:.8g}") if math.isfinite(value) else str(value)


def _value(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    best = None if value.best is None else plain(value.best)
    return {"name": value.name, "last": plain(value.last), "best": best}


def _curve(curve: Sparkline | None, name: str) -> dict[str, Any] | None:
    if curve is None:
        return None
    return {
        "name": name,
        "low": curve.low,
        "high": curve.high,
        "lost": list(curve.lost),
        "log": curve.is_log,
    }
