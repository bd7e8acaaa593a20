"""With fewer draws: a slider over the first three, five, ten and so on of those that are kept."""

from __future__ import annotations

from collections.abc import Sequence

from diagnostics.mc_dropout import McDropout

RUNGS = (3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def rungs(count: int) -> list[int]:
    """Up to a number of draws, and that number."""
    return [*(rung for rung in RUNGS if rung < count), count]


def stops(found: McDropout) -> Sequence[int]:
    """Numbers of draws that can be looked at: those kept, and all that were made."""
    made = found.uncertainty.draws
    kept = len(found.kept)
    return rungs(kept) if kept == made else [*rungs(kept), made]
