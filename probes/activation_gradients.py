"""The loss's gradient with respect to what every layer gives, taken where it flows back.

A hook on the output tensor itself, set as the layer gives it: it neither breaks what is changed in
place afterwards, as a module's backward hook would, nor outlives the tensor. All statistics are of
the arena's sample; what the loss was scaled by for float16 is divided out.
"""

from __future__ import annotations

from functools import partial

from probes.probe import Call


class ActivationGradients:
    """Merged over a step's backward passes, in the order they are reached."""

    series = "activation_gradients"
    state = "with respect to the outputs of the step's forward passes; unscaled, before clipping"
    backward = True  # in units of the scaled loss, as long as that is scaled

    def called(self, call: Call) -> None:
        for name, tensor in call.outputs:
            if tensor.requires_grad:
                call.follow(tensor, partial(call.shelf.take, name))
