from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import nn

from probes.folder import NotRecordable
from probes.program import capture
from probes.program.refusals import foreign, refusal
from tests.probes.program.models import ENTROPY, mlp, vectors


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.own = nn.Linear(6, 5)


class Branch(Layer):
    def forward(self, x):
        h = self.own(x)
        if h.mean() > 0:
            return h
        return -h


class Number(Layer):
    def forward(self, x):
        return self.own(x) * x.sum().item()


class Numpy(Layer):
    def forward(self, x):
        return self.own(x) * torch.from_numpy(np.tanh(x.detach().numpy())).mean()


class Either(Layer):
    def forward(self, x):
        h = self.own(x)
        return torch.cond(h.sum() > 0, torch.sin, torch.cos, (h,))


class Rare(Layer):
    def forward(self, x):
        return torch.linalg.qr(self.own(x))[0]


@torch.library.custom_op("fathom_test::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@twice.register_fake
def _(x):
    return x * 2


class Custom(Layer):
    def forward(self, x):
        return twice(self.own(x))


class Straight(torch.autograd.Function):
    @staticmethod
    def forward(_, x):
        return x.sign()

    @staticmethod
    def backward(_, gradient):
        return gradient


class Quantised(Layer):
    def forward(self, x):
        return Straight.apply(self.own(x))


REFUSED = {  # the line that is named, and the way round
    Branch: ("if h.mean() > 0:", r"write torch\.where\(condition, a, b\)"),
    Number: ("x.sum().item()", "keep it a tensor"),
    Numpy: ("torch.from_numpy(np.tanh(x.detach()", "compute with torch"),
    Either: ("torch.cond(h.sum() > 0", r"write torch\.where\(condition, a, b\)"),
    Rare: ("torch.linalg.qr(self.own(x))", "express it by other torch operations"),
    Custom: ("return twice(self.own(x))", "express it by other torch operations"),
    Quantised: ("class Straight", r"as x \+ \(f\(x\) - x\)\.detach\(\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refusal_names_the_line_and_the_way_round(kind):
    torch.manual_seed(0)
    code, remedy = REFUSED[kind]
    with pytest.raises(NotRecordable, match=remedy) as caught:
        capture(kind(), ENTROPY, vectors())
    said = str(caught.value)
    assert "Or analyse live: Subject(model, loss, batch)" in said
    line = int(re.search(rf"{re.escape(__file__)}:(\d+)", said)[1])
    with open(__file__, encoding="utf-8") as file:  # noqa: PTH123
        assert code in file.readlines()[line - 1]


def scaled(output, target):
    return ENTROPY(output, target) * output.mean().item()


def through_numpy(output, target):
    return ENTROPY(output, target) * float(output.detach().numpy().mean())


@pytest.mark.parametrize(
    ("loss", "code"), [(scaled, "output.mean().item()"), (through_numpy, "output.detach().numpy()")]
)
def test_a_line_of_the_loss_is_named_too(loss, code):
    with pytest.raises(NotRecordable, match=re.escape(code)) as caught:
        capture(mlp(), loss, vectors())
    assert __file__ in str(caught.value)


def test_straight_through_as_it_is_to_be_written_is_recorded():
    class Rewritten(Layer):
        def forward(self, x):
            h = self.own(x)
            return h + (h.sign() - h).detach()

    program = capture(Rewritten(), ENTROPY, vectors()).program
    assert program.checked["eval/gradient"] == 0


def test_a_loss_that_does_not_fit_its_batch_is_the_users_own_error():
    x, _ = vectors()
    with pytest.raises(NotRecordable, match=r"cannot be computed.*see that loss\(model\(inputs\)"):
        capture(mlp(), ENTROPY, (x, torch.zeros(3, dtype=torch.int64)))


def test_other_errors_of_torch_are_told_in_their_first_line():
    said = str(refusal(ValueError("something new\nand its many\nlines")))
    assert "torch.export refuses the model: ValueError: something new." in said
    assert "lines" not in said
    ours = NotRecordable("as it is")
    assert refusal(ours) is ours


def test_where_the_trace_names_nobody_another_is_asked():
    asked = foreign("item.default", "", lambda: 'File "/theirs.py", line 7, in f\n    x.item()\n')
    assert "(at /theirs.py:7: `x.item()`)" in str(asked)
