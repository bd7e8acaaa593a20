"""What a step did to the parameters: after minus before, at the same sampled elements.

Of tensors with up to 4096 elements this is exact; of larger ones it is a sample, so that no
second copy of the model is held.
"""

from __future__ import annotations

from probes.probe import Look


class Updates:
    """Weights after the step, less before."""

    series = "updates"
    state = "weights after the step less before it"

    def before(self, look: Look) -> None:
        look.rows.remember(look.parameters)

    def after(self, look: Look) -> None:
        look.rows.change(look.parameters)
