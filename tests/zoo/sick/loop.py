"""Steps that the loop leaves out."""

from __future__ import annotations

from torch.optim import SGD

from tests.zoo import data, nets
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify

OF_GATHERING = (
    *("lr_too_high", "exploding_gradient", "loss_spikes", "weight_blowup", "nonfinite_loss"),
    *("stale_momentum", "dead_relu", "saturated_activations", "plateau"),
)


@pair("zero_grad_missing", acceptable=OF_GATHERING)
def no_zero_grad_sgd(seed: int, sick: bool) -> Case:
    """optimizer.zero_grad() is never called."""
    m = nets.mlp([64, 64, 64, 10], "tanh")
    split, every = data.table("digits", seed), None if sick else 1
    return classify(
        m, SGD(m.parameters(), 0.05), split, seed, batch_size=64, steps=400, zero_grad_every=every
    )
