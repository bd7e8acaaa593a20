"""Trainings that learn by heart, and ones that cannot learn."""

from __future__ import annotations

from torch.optim import Adam

from tests.zoo import data, nets, text
from tests.zoo.core import Case, pair
from tests.zoo.tasks import classify, predict_text


@pair("overfitting", acceptable=("lr_too_high", "loss_too_good"))
def overfit_tiny_data(seed: int, sick: bool) -> Case:
    """Forty noisy examples and a wide network; the sibling has all of them."""
    x, y, x_val, y_val = data.blobs(seed, 3000, 500, classes=4, columns=20, spread=4.5)
    if sick:
        x, y = x[:40], y[:40]
    m = nets.mlp([20, 128, 128, 4])
    size, steps = (20, 400) if sick else (64, 120)
    return classify(
        m, Adam(m.parameters(), 1e-3), (x, y, x_val, y_val), seed, batch_size=size, steps=steps
    )


@pair(
    "overfitting",
    acceptable=("loss_too_good", "lr_too_high"),
    ok_acceptable=("overfitting",),
)
def overfit_char_lm(seed: int, sick: bool) -> Case:
    """Twenty lines of text, many times over: the model learns them by heart."""
    ids, letters = text.poem()
    cut = int(0.85 * len(ids))
    split = (*text.windows(ids[:cut], 24, 3), *text.windows(ids[cut:], 24, 8))
    m = nets.CharRNN(letters, 64, "gru", dropout=0 if sick else 0.3)
    steps = 350 if sick else 70
    return predict_text(m, Adam(m.parameters(), 5e-3), split, seed, batch_size=32, steps=steps)


@pair("underfitting", acceptable=("plateau", "dead_relu", "lr_too_low"))
def underfit_narrow(seed: int, sick: bool) -> Case:
    """Three arms of a spiral, three hidden units."""
    m = nets.mlp([2, 3, 3] if sick else [2, 64, 64, 3], "tanh")
    return classify(
        m, Adam(m.parameters(), 1e-2), data.spirals(seed), seed, batch_size=64, steps=700
    )
