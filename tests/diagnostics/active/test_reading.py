"""How a run's predictions are read, and the targets that fit them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.active.reading import read_as, targets_for
from diagnostics.subject import Subject
from diagnostics.uncertainty import Reading
from probes.folder import FathomError


def named(*measures: str) -> Any:
    return SimpleNamespace(measures=measures)


def subject(model: nn.Module, loss: Any, *batch: torch.Tensor) -> Subject:
    torch.manual_seed(0)
    return Subject(model, loss, batch)


def test_what_is_asked_comes_before_what_the_targets_say() -> None:
    assert read_as(named("loss"), None, 0.2) == Reading("values", 0.2)
    assert read_as(named("loss", "accuracy"), None, None) == Reading("logits")
    assert read_as(named("loss", "accuracy"), "values", 0.2) == Reading("values", 0.2)


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        (None, "logits are classes"),
        ("one logit", "one logit are classes"),
        ("mean, variance", "the network gives its own"),
    ],
)
def test_noise_that_would_be_overlooked_is_refused(outputs: Any, why: str) -> None:
    with pytest.raises(FathomError, match=f"noise=0.2 is of the targets of values, and {why}"):
        read_as(named("loss", "accuracy"), outputs, 0.2)


def test_of_an_image_every_pixel_has_its_target() -> None:
    images, classes = torch.randn(2, 1, 3, 3), torch.randint(0, 4, (2, 3, 3))
    of = subject(nn.Conv2d(1, 4, 1), functional.cross_entropy, images, classes)
    np.testing.assert_array_equal(targets_for(of, Reading("logits")), classes)
    assert targets_for(of, Reading("values")) is None  # one for each, and not for four


def test_targets_of_another_kind_are_none_of_these_predictions() -> None:
    x, y = torch.randn(5, 3), torch.randn(5, 1)
    of = subject(nn.Linear(3, 1), functional.mse_loss, x, y)
    np.testing.assert_array_equal(targets_for(of, Reading("values")), y)
    assert targets_for(of, Reading("one logit")) is None
    two = subject(nn.Linear(3, 2), functional.mse_loss, x, torch.randn(5, 2))
    assert targets_for(two, Reading("logits")) is None
