"""What a fault brings with it, and may be reported beside it."""

from __future__ import annotations

STUCK = ("underfitting", "plateau", "no_signal", "lr_too_low")
WILD = (
    *("lr_too_high", "exploding_gradient", "loss_spikes", "weight_blowup"),
    *("nonfinite_loss", "plateau", "underfitting"),
)
