"""Gradients of the parameters, as the optimizer receives them.

The norm is of all elements; the other statistics are of the arena's sample.
"""

from __future__ import annotations

from probes.probe import Look


class Gradients:
    """Accumulated over micro-batches, unscaled, after any clipping."""

    series = "gradients"
    state = (
        "as the optimizer received them: accumulated over micro-batches, unscaled, after any "
        "clipping"
    )

    def before(self, look: Look) -> None:
        gradients = [parameter.grad for parameter in look.parameters]
        look.shelf.take_all(look.names, gradients, norms=True)
        look.shelf.scale(look.gradient_scale)

    def after(self, look: Look) -> None:
        """Some optimizers change gradients in place: after the step they say nothing."""
