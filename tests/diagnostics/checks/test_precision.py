from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics.checks.answer import CannotAsk
from diagnostics.checks.precision import precision
from tests.diagnostics.checks.parts import diseases, labels, mlp, number_of, rows, setup


class Squares(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.first, self.norm, self.head = nn.Linear(16, 8), nn.LayerNorm(8), nn.Linear(8, 4)
        self.size = size

    def forward(self, x):
        hidden = self.first(x * self.size)
        return self.head(self.norm(hidden * hidden))


def under(kind, model):
    with torch.autocast("cpu", dtype=kind):
        return precision(setup(model))


def test_float32_is_not_asked():
    with pytest.raises(CannotAsk, match="neither the model nor autocast"):
        precision(setup())


def test_squares_pass_the_end_of_float16_and_not_of_bfloat16():
    torch.manual_seed(0)
    assert diseases(under(torch.float16, Squares(1000.0))) == ["fp16_overflow"]
    torch.manual_seed(0)
    assert diseases(under(torch.bfloat16, Squares(1000.0))) == []


def test_what_fits_is_fine():
    assert diseases(under(torch.float16, mlp(16, 8, 4))) == []


def test_what_overflows_in_float32_too_is_not_of_the_half():
    model = nn.Sequential(*mlp(16, 8, 4))
    with torch.no_grad():
        model[2].bias[0] = float("inf")
    assert diseases(under(torch.float16, model)) == []


def test_a_model_of_halves_is_looked_at_in_single():
    model = mlp(16, 8, 4).bfloat16()
    told = precision(setup(model, batch=(rows().bfloat16(), labels())))
    assert "bfloat16" in told.told
    assert next(model.parameters()).dtype == torch.bfloat16


def test_gradients_below_the_least_half_are_lost():
    torch.manual_seed(0)
    small = lambda o, t: 1e-7 * nn.functional.cross_entropy(o.float(), t)  # noqa: E731
    with torch.autocast("cpu", dtype=torch.float16):
        told = precision(setup(mlp(16, 8, 4), small))
    assert [(f.disease, f.severity) for f in told.findings] == [("fp16_underflow", "hint")]
    assert number_of(told, "largest value") < 100
