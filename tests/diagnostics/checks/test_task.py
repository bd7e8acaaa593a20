from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.setup import Scene
from diagnostics.checks.task import Task, matters, task_of
from probes.program.objective import Whole
from tests.diagnostics.checks.parts import labels, rows

LOGITS, TARGET = rows(64, 4), labels()
NUMBERS, WANTED = rows(64, 2), rows(64, 2, seed=5)
BINARY = (rows(64, 1, seed=6) > 0).float()


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(label_smoothing=0.1, weight=torch.tensor([1.0, 2, 3, 4])),
        lambda output, target: F.nll_loss(output.log_softmax(-1), target),
    ],
)
def test_cross_entropy_is_known_by_what_it_does(loss):
    assert Task(loss, LOGITS, TARGET).on_logits


@pytest.mark.parametrize("loss", [nn.NLLLoss(), nn.MultiMarginLoss(), lambda o, t: 0 * o.sum() + 1])
def test_and_others_are_not_it(loss):
    assert not Task(loss, LOGITS, TARGET).on_logits


def test_classes_lie_where_the_loss_takes_them():
    image = torch.zeros(2, 5, 3, 3)
    assert Task(None, image, torch.zeros(2, 3, 3, dtype=torch.long)).class_axis == 1
    text = torch.zeros(2, 7, 5)
    assert Task(None, text, torch.zeros(2, 7, dtype=torch.long)).class_axis == 2
    assert Task(None, text, torch.zeros(2, 5, dtype=torch.long)).class_axis == 1
    assert Task(None, text, torch.zeros(2, 7, 5)).class_axis is None


def test_yes_or_no_on_logits():
    assert Task(nn.BCEWithLogitsLoss(), rows(64, 1), BINARY).on_binary_logits
    assert not Task(nn.MSELoss(), rows(64, 1), BINARY).on_binary_logits
    assert not Task(nn.BCELoss(), rows(64, 1).sigmoid(), BINARY).on_binary_logits


def test_distances():
    squared = Task(nn.MSELoss(), NUMBERS, WANTED)
    assert squared.is_distance
    assert squared.is_squared
    absolute = Task(nn.L1Loss(), NUMBERS, WANTED)
    assert absolute.is_distance
    assert not absolute.is_squared
    assert not Task(nn.BCEWithLogitsLoss(), rows(64, 1), BINARY).is_distance
    assert not Task(lambda o, t: o.square().mean(), NUMBERS, WANTED).is_distance


def test_whether_targets_matter():
    assert matters(Task(nn.MSELoss(), NUMBERS, WANTED))
    assert matters(Task(nn.MSELoss(), NUMBERS, WANTED + 1e4))
    assert not matters(Task(lambda o, t: o.square().mean(), NUMBERS, WANTED))


def test_a_loss_that_raises_has_no_value():
    assert Task(nn.BCELoss(), NUMBERS, WANTED).of(NUMBERS) != 0  # not a number
    scene = Scene(nn.Identity(), nn.MSELoss(), (), (NUMBERS, WANTED), own=True)
    assert task_of(scene, NUMBERS).of(WANTED) == 0.0


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        (None, NUMBERS),
        (Whole(lambda m, b: 0), NUMBERS),
        (nn.MSELoss(), None),
        (nn.MSELoss(), NUMBERS * float("nan")),
    ],
)
def test_what_is_no_task_is_said(loss, output):
    with pytest.raises(CannotAsk):
        task_of(Scene(nn.Identity(), loss, (), (NUMBERS, WANTED), own=True), output)
