"""What each dropout drops."""

from __future__ import annotations

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered
from diagnostics.signs.settings import settings

SHARES = ("p", "drop_prob", "dropout")


@remembered
def dropouts(run: Run) -> dict[str, float] | None:
    """By module; None where modes were not recorded."""
    told = settings(run)
    if not told:
        return None
    found = {name: p for key in SHARES for name, p in told[-1].modules(key).items()}
    return {name: float(p) for name, p in found.items() if isinstance(p, (int, float)) and p > 0}
