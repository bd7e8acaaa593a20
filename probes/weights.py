"""The parameters themselves, after the step.

The norm is of all elements; the other statistics are of the arena's sample.
"""

from __future__ import annotations

from probes.probe import Look


class Weights:
    """What the step left."""

    series = "weights"
    state = "after the step"

    def before(self, look: Look) -> None:
        """They are looked at once the step is done."""

    def after(self, look: Look) -> None:
        look.shelf.take_all(look.names, look.parameters, norms=True)
