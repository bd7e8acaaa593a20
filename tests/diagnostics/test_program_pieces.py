import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.program_pieces import program_pieces
from probes.program import capture


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.norm = nn.LayerNorm(4)
        self.rms = nn.RMSNorm(4)
        self.turn = nn.ConvTranspose1d(5, 6, 2)
        self.batch = nn.BatchNorm1d(6)
        self.head = nn.Linear(30, 3)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, tokens):
        hidden = self.rms(self.norm(self.embed(tokens)))
        return self.head(self.batch(self.turn(hidden)).flatten(1)) * self.scale


@pytest.fixture(scope="module")
def pieces():
    model = Mixed()
    model.head.bias.requires_grad_(False)
    batch = (torch.randint(7, (3, 5)), torch.randint(3, (3,)))
    program = capture(model, functional.cross_entropy, batch).program
    return {piece.name: piece for piece in program_pieces(program)}


def test_each_is_told_by_the_operation_that_takes_it(pieces):
    assert {name: piece.role for name, piece in pieces.items()} == {
        "embed.weight": "weight",
        "norm.weight": "norm",
        "norm.bias": "norm",
        "rms.weight": "norm",
        "turn.weight": "weight",
        "turn.bias": "bias",
        "batch.weight": "norm",
        "batch.bias": "norm",
        "head.weight": "weight",
        "scale": "bias",
    }


def test_filters_of_a_transposed_convolution_lie_along_its_second_axis(pieces):
    assert [name for name, piece in pieces.items() if piece.axis] == ["turn.weight"]


def test_they_stand_end_to_end_and_leave_out_what_is_frozen(pieces):
    ends = [0]
    for piece in pieces.values():
        assert piece.start == ends[-1]
        ends.append(piece.stop)
    assert "head.bias" not in pieces
