"""Losses and outputs that do not fit each other or the task."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, Adam, AdamW

from tests.zoo import data, nets, text
from tests.zoo.core import Case, pair
from tests.zoo.losses import MSE, binary_accuracy
from tests.zoo.tasks import classify, predict_text, regress
from tests.zoo.transformers import GPT


@pair(
    "double_softmax",
    acceptable=("underfitting", "plateau", "wrong_objective", "vanishing_gradient"),
)
def double_softmax(seed: int, sick: bool) -> Case:
    """The model ends in a softmax, and the loss is CrossEntropyLoss."""
    m = nets.mlp([64, 64, 64, 10], last=nn.Softmax(-1) if sick else None)
    sgd = SGD(m.parameters(), 0.05, momentum=0.9)
    return classify(m, sgd, data.table("digits", seed), seed, batch_size=64, steps=300)


OF_FLAT_LOSS = (
    *("saturated_activations", "vanishing_gradient", "lr_too_low", "underfitting"),
    *("plateau", "bad_init_scale", "class_imbalance"),
)


@pair("wrong_loss", acceptable=OF_FLAT_LOSS)
def mse_on_sigmoid(seed: int, sick: bool) -> Case:
    """Two classes by squared error of a sigmoid that starts on the wrong side: a slow start."""
    x, y, x_val, y_val = data.table("breast_cancer", seed)
    m = nets.mlp([30, 16, 1], "tanh", last=nn.Sigmoid())
    nn.init.constant_(m[-2].bias, -6.0)
    split = (x, y.float()[:, None], x_val, y_val.float()[:, None])
    fields = {"loss_fn": MSE if sick else nn.BCELoss(), "metric_fn": binary_accuracy}
    sgd = SGD(m.parameters(), 0.05)
    return classify(m, sgd, split, seed, batch_size=32, steps=250, task="binary", **fields)


OF_CLIPPED = (
    *("underfitting", "saturated_activations", "plateau"),
    *("wrong_loss", "vanishing_gradient"),
)


@pair("output_range_mismatch", acceptable=OF_CLIPPED)
def output_sigmoid_clips_targets(seed: int, sick: bool) -> Case:
    """Targets of -2.5 to 2.5 or so, and outputs through a sigmoid."""
    m = nets.mlp([8, 48, 48, 1], "silu", last=nn.Sigmoid() if sick else None)
    return regress(
        m, Adam(m.parameters(), 3e-3), data.friedman(seed), seed, batch_size=64, steps=400
    )


@pair("target_leakage", acceptable=("train_val_leakage", "loss_too_good"))
def causal_mask_missing(seed: int, sick: bool) -> Case:
    """A language model without a causal mask reads the answer: less loss than the text allows."""
    split, letters = text.grammar(seed, length=24)
    m = GPT(letters, 24, causal=not sick)
    return predict_text(m, AdamW(m.parameters(), 4e-3), split, seed, batch_size=32, steps=350)
