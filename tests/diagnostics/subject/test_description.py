from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.subject import Subject
from diagnostics.subject.description import described
from diagnostics.weight_space import About
from probes.folder import FathomError

torch.set_num_threads(1)
ASKED = About("digits", 7, "words", 0, 100, 0, "batch", "", "")


def parts(*layers):
    torch.manual_seed(0)
    batches = [(torch.randn(n, 5), torch.randint(3, (n,))) for n in (4, 6)]
    subject = Subject(nn.Sequential(*layers), functional.cross_entropy, batches)
    return subject._batches, subject.centre


def test_what_is_known_of_the_data_and_the_loss_is_filled_in():
    batches, centre = parts(nn.Linear(5, 3), nn.BatchNorm1d(3))
    found = described(batches, ASKED, centre, 1.0)
    assert (found.run, found.step, found.data, found.population) == ("digits", 7, "words", 100)
    assert (found.examples, found.batches, found.precision) == (10, 2, "float32")
    assert (found.statistics, found.reduction) == ("batch", "mean")
    plain = described(*parts(nn.Linear(5, 3))[:1], ASKED, centre.double(), 1.0)
    assert (plain.statistics, plain.precision) == ("none", "float64")


def test_the_loss_tells_live_losses_apart_and_recordings_by_their_program_alone():
    batches, centre = parts(nn.Linear(5, 3))
    here, there = (described(batches, ASKED, centre, loss).key for loss in (1.0, 2.0))
    assert here == there
    live = About("", -1, "", 0, 0, 0, "running", "", "")
    here, there = (described(batches, live, centre, loss).key for loss in (1.0, 2.0))
    assert here != there


def test_nothing_is_drawn_from_less_than_nothing():
    batches, centre = parts(nn.Linear(5, 3))
    with pytest.raises(FathomError, match="population=-1: give how many"):
        described(batches, replace(ASKED, population=-1), centre, 1.0)
