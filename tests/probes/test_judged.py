from __future__ import annotations

import pytest
import torch
from torch import nn

from probes.judged import CALLS, Judged
from tests.probes.doubles import a_pass


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def judged(module, answer, target, **keywords):
    found = Judged({"kind": type(module).__name__}, None)
    found.look(a_pass(answer, target, module=module, loss=True, **keywords), turn=0)
    return found


def table(found):
    """Of each class how often it was asked for, answered, and rightly so."""
    (counted,) = found.counts
    return counted.int().tolist()


SCORES = torch.tensor([[3.0, 1, 0], [0, 2, 1], [0, 2, 1], [1, 0, 4]])


@pytest.mark.parametrize("kind", [nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss])
def test_a_choice_of_classes(kind):
    found = judged(kind(), SCORES, torch.tensor([0, 1, 0, 1]))
    assert table(found) == [[2, 1, 1], [2, 2, 1], [0, 1, 0]]
    assert torch.equal(found.answers[0], SCORES)
    assert found.looks == 4


def test_what_is_to_be_ignored_is_not_asked_for():
    expected = [[0, 0, 0], [1, 1, 1], [0, 0, 0]]
    assert table(judged(nn.NLLLoss(), SCORES, torch.tensor([-100, 1, -100, -100]))) == expected
    found = judged(nn.NLLLoss(), SCORES, torch.tensor([0, 1, 0, 0]), ignore_index=0)
    assert table(found) == expected


def test_likelihoods_ask_for_their_greatest():
    target = torch.eye(3)[torch.tensor([0, 1, 0, 1])] * 0.9 + 0.03
    assert table(judged(nn.CrossEntropyLoss(), SCORES, target)) == [[2, 1, 1], [2, 2, 1], [0, 1, 0]]


@pytest.mark.parametrize("shape", [(6, 3, 9), (3, 4, 50, 40)])
def test_the_second_axis_is_that_of_the_classes(shape):
    scores = random(*shape)
    target = scores.argmax(1)
    found = judged(nn.CrossEntropyLoss(), scores, target)
    assert torch.equal(found.counts[0][:, 0], found.counts[0][:, 2])  # all are right
    assert found.answers[0].shape[1] == shape[1]
    assert found.looks == len(found.answers[0]) <= 256


def test_a_single_example():
    assert table(judged(nn.CrossEntropyLoss(), SCORES[1], torch.tensor(1)))[1] == [1, 1, 1]


@pytest.mark.parametrize(("kind", "cut"), [(nn.BCELoss, 0.5), (nn.BCEWithLogitsLoss, 0.0)])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_yes_or_no(kind, cut, shape):
    answers = torch.tensor([-0.2, 0.1, 0.2, -0.1]) + cut
    found = judged(kind(), answers.reshape(shape), torch.tensor([0.0, 1, 0, 1]).reshape(shape))
    assert table(found) == [[2, 2, 1], [2, 2, 1]]


def test_pixels_are_no_classes():
    found = judged(nn.BCELoss(), torch.rand(4, 3), torch.rand(4, 3))
    assert found.counts == found.targets == []


@pytest.mark.parametrize("kind", [nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss])
def test_targets_to_come_near_to(kind):
    found = judged(kind(), random(4, 3), random(4, 3, seed=1))
    assert torch.equal(found.targets[0], random(4, 3, seed=1).flatten())
    assert found.counts == found.answers == []


def test_samples_are_copies_and_of_the_first_calls_alone():
    answer, target = random(4, 3), random(4, 3)
    found = Judged({"kind": "MSELoss"}, None)
    for _ in range(CALLS + 2):
        found.look(a_pass(answer, target, module=nn.MSELoss(), loss=True), turn=0)
    target.zero_()
    assert len(found.targets) == CALLS
    assert all(kept.abs().sum() > 0 for kept in found.targets)
