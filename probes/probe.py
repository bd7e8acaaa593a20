"""What a probe is, and what it may see: one optimizer's parameters, around one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from probes.arena import Rows


@dataclass
class Look:
    """One look at the parameters that an optimizer is about to change, or has just changed."""

    parameters: Sequence[Tensor]
    rows: Rows  # where this probe's samples go
    gradient_scale: Tensor | None  # what a fused optimizer will still divide the gradients by
    spoiled: bool = False

    def spoil(self) -> None:
        """The probe failed: no row of it is true."""
        self.spoiled = True
        self.rows.clear()


class Probe(Protocol):
    """One kind of look."""

    series: str  # its name in the recording
    state: str  # the state its numbers are taken in, in words

    def before(self, look: Look) -> None:
        """Gradients are accumulated and unscaled; the weights have not moved."""

    def after(self, look: Look) -> None:
        """The weights have moved."""
