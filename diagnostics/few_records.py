"""Some records of many, evenly spread: of a run that grows they are nearly always the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def few_records(many: int, most: int) -> NDArray[np.int64]:
    """At most so many: each 2^n-th from the first on, and the last."""
    stride = 1
    while -(-many // stride) + 1 > max(most, 2):
        stride *= 2
    regular = np.arange(0, many, stride, dtype=np.int64)
    return np.union1d(regular, [many - 1]).astype(np.int64) if many else regular
