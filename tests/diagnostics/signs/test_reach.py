from __future__ import annotations

import torch
from torch import nn

from diagnostics import Run
from diagnostics.signs.reach import unreached
from tests.diagnostics.written import written
from tests.trainings import record


class Cut(nn.Module):
    """Nothing goes back from the second layer to the first."""

    def __init__(self, *, cut: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 16), nn.Linear(16, 3)
        self.unused = nn.Linear(4, 4)
        self.cut = cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x).relu()
        return self.second(hidden.detach() if self.cut else hidden)


def test_a_layer_before_a_cut_is_not_reached(tmp_path):
    torch.manual_seed(0)
    found = unreached(Run(record(tmp_path / "run", Cut(cut=True), steps=4)))
    assert found is not None
    assert found.layers == ("first",)
    assert found.records == 4


def test_a_layer_that_does_not_run_is_no_matter(tmp_path):
    torch.manual_seed(0)
    found = unreached(Run(record(tmp_path / "run", Cut(cut=False), steps=4)))
    assert found is not None
    assert found.layers == ()


def test_without_gradients_it_cannot_be_told(tmp_path):
    assert unreached(written(tmp_path)) is None
