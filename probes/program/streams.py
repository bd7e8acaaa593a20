"""Where one operation's random numbers come from: torch's generator, and bits for masks.

On a processor a mask by torch's own generator takes six times as long as by bits that are compared
with the share to drop; on a device its generator is fast.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

BITS = 32


class Stream:
    """The same numbers for the same seed, one after the other."""

    def __init__(self, seed: tuple[int, int]) -> None:
        self._seed = seed
        self._bits: np.random.SFC64 | None = None
        self._generator: torch.Generator | None = None

    def generator(self, device: torch.device) -> torch.Generator:
        if self._generator is None:
            state = np.random.SeedSequence(self._seed).generate_state(1, np.uint64)
            self._generator = torch.Generator(device).manual_seed(int(state[0]) >> 1)
        return self._generator

    def kept(self, like: Tensor, shape: Sequence[int], place: int, p: float) -> Tensor:
        """One but for a share of `p`, which is zero; the first axis is moved to its place."""
        if self._bits is None:
            self._bits = np.random.SFC64(self._seed)
        length = math.prod(shape)
        numbers = self._bits.random_raw(-(-length // 2)).view(np.int32)[:length]
        bits = torch.from_numpy(numbers).reshape(tuple(shape))
        bits = bits.movedim(0, place) if place else bits
        alike = like.shape == bits.shape  # then as it lies in memory, which a view may rely on
        found = torch.empty_like(like) if alike else like.new_empty(bits.shape)
        least = round(p * 2**BITS) - 2 ** (BITS - 1)  # of numbers with a sign
        if least >= 2 ** (BITS - 1):
            return found.zero_()
        return torch.ge(bits, least, out=found)
