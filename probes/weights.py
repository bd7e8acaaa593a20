"""The parameters themselves, after the step.

The norm is of all elements, and is taken in every fourth record: weights move slowly. The other
statistics are of the arena's sample.
"""

from __future__ import annotations

from probes.probe import Look

NORM_EVERY = 4  # records


class Weights:
    """What the step left."""

    series = "weights"
    state = "after the step; the norm in every 4th record"

    def before(self, look: Look) -> None:
        """They are looked at once the step is done."""

    def after(self, look: Look) -> None:
        look.shelf.take_all(look.names, look.parameters, norms=look.record % NORM_EVERY == 0)
