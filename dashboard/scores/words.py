"""Numbers with their errors, and chances, as pictures of scores and the terminal say them."""

from __future__ import annotations

import math

from dashboard.wording import number

ROUNDING = 1e-9
RARE = 0.002  # where it was drawn a thousand times, rarer is not known


def with_error(value: float, error: float) -> str:
    """An error by its first digit; none where it is not known, or is rounding."""
    told = math.isfinite(error) and error > ROUNDING * abs(value)
    return number(value) + (f" ± {_first_digit(error)}" if told else "")


def _first_digit(error: float) -> str:
    """Large ones without a power of ten, as the number beside them has none."""
    return f"{float(f'{error:.1g}'):,.0f}" if 10 <= error < 1e6 else f"{error:.1g}"


def seldom(chance: float) -> str:
    """How many samples of a calibrated model show as much."""
    return f"{chance:.1%} of samples" if chance > RARE else f"under {RARE:.1%} of samples"
