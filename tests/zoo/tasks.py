"""The usual ways to make a case of a model, an optimizer and data."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from tests.zoo.core import Case
from tests.zoo.loader import TensorLoader
from tests.zoo.losses import CE, MSE, accuracy, explained, next_token

Data = tuple[Any, Tensor, Any, Tensor]  # training inputs and targets, validation's


def classify(model: nn.Module, optimizer: Optimizer, data: Data, seed: int, **fields: Any) -> Case:
    given = {"loss_fn": CE, "metric_fn": accuracy, "task": "classification", **fields}
    return case(model, optimizer, data, seed, **given)


def regress(model: nn.Module, optimizer: Optimizer, data: Data, seed: int, **fields: Any) -> Case:
    given = {"loss_fn": MSE, "metric_fn": explained, "task": "regression", **fields}
    return case(model, optimizer, data, seed, **given)


def predict_text(
    model: nn.Module, optimizer: Optimizer, data: Data, seed: int, **fields: Any
) -> Case:
    given = {"loss_fn": next_token, "task": "lm", **fields}
    return case(model, optimizer, data, seed, **given)


def case(
    model: nn.Module,
    optimizer: Optimizer,
    data: Data,
    seed: int,
    *,
    batch_size: int,
    **fields: Any,
) -> Case:
    """A case of these data; the fields are those of `Case`."""
    x, y, x_val, y_val = data
    training = TensorLoader(x, y, batch_size, "shuffle", seed)
    validation = TensorLoader(x_val, y_val, 256, "sequential", drop_last=False)
    return Case(model, optimizer, train_loader=training, val_loader=validation, **fields)


def warm_cosine(optimizer: Optimizer, warm: int, total: int) -> LambdaLR:
    """Up in a line, then down along a cosine to a fiftieth."""

    def factor(step: int) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))
        return min(1.0, (step + 1) / max(1, warm)) * (cosine * 0.98 + 0.02)

    return LambdaLR(optimizer, factor)
