"""What a step did to the parameters: after minus before, at the same sampled elements.

The norm is of all elements, and is taken in every 16th record alone: it needs a copy of the
weights, which is let go as soon as the step is done. In the records between it is not known; the
sample's mean and standard deviation estimate it: to one or two per cent where all elements move
alike, to some twenty where a few rows carry the step.
"""

from __future__ import annotations

from probes.probe import Look

EXACT_EVERY = 16  # records


class Updates:
    """Weights after the step, less before."""

    series = "updates"
    state = "weights after the step less before it; the norm, of all elements, in every 16th record"

    def before(self, look: Look) -> None:
        exact = look.record % EXACT_EVERY == 0
        look.shelf.remember(look.names, look.parameters, whole=exact)

    def after(self, look: Look) -> None:
        look.shelf.change()
