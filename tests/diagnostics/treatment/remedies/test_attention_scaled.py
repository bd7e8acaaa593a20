import pytest
import torch
from torch import nn

from tests.diagnostics.treatment.treated import only, proposed, training


class Attending(nn.Module):
    def __init__(self, std):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(2, 16), nn.Linear(2, 16), nn.Linear(2, 16)
        self.head = nn.Linear(16, 3)
        for layer in (self.q, self.k):
            nn.init.normal_(layer.weight, std=std)

    def rows(self, x):
        x = x.view(len(x), 3, 2)
        return (self.q(x) @ self.k(x).transpose(1, 2)).softmax(-1)

    def forward(self, x):
        return self.head((self.rows(x) @ self.v(x.view(len(x), 3, 2))).mean(1))


def test_rows_are_spread_again():
    torch.manual_seed(0)
    model = Attending(5.0)
    course = only("attention_scaled", training(model), "attention_collapse")
    x = torch.randn(64, 6)
    sharp, spread = (float(m.rows(x).max(-1).values.mean().detach()) for m in (model, course.model))
    assert sharp > 0.95
    assert spread < 0.8
    assert torch.equal(course.model.v.weight, model.v.weight)


def test_torchs_own_attention():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(2, 1, batch_first=True)
            self.head = nn.Linear(2, 3)
            nn.init.normal_(self.attention.in_proj_weight, std=9.0)

        def forward(self, x):
            x = x.view(len(x), 3, 2)
            return self.head(self.attention(x, x, x)[0].mean(1))

    weight = only("attention_scaled", training(Own())).model.attention.in_proj_weight
    assert float(weight.detach().abs().max()) == pytest.approx((6 / 8) ** 0.5, rel=0.3)


def test_without_attention_nothing_is_proposed():
    assert proposed("attention_scaled", training()) == []
