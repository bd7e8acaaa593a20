from __future__ import annotations

import copy

import pytest
import torch
from torch import fx, nn

from probes.program.inplace import WritesIntoView, make_pure


def exported(function, *inputs):
    class Whole(nn.Module):
        def forward(self, *given):
            return function(*given)

    return torch.export.export(Whole(), inputs, strict=False).graph_module


def writes(module):
    return [
        str(node.target)
        for node in module.graph.nodes
        if isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable
    ]


def run(module, *inputs):
    return fx.Interpreter(module).run(*inputs)


def result(found):
    return found[0] if isinstance(found, (tuple, list)) else found


def sum_in_place(x):
    out = x * 2
    out += x
    out -= 1
    return out


PURE = {
    "relu": lambda x: torch.relu_(x + 1) * 2,
    "several": lambda x: (x * 2).mul_(3).add_(1, alpha=2).clamp_(0, 5),
    "used twice": lambda x: (h := x * 2).add_(1) + h.sum(),
    "a sum in place": sum_in_place,
    "into an output": lambda x: torch.exp(x, out=torch.empty_like(x)),
    "filled": lambda x: (x * 2).masked_fill_(x > 0, 7.0),
    "a view made afterwards": lambda x: (x * 2).mul_(3).transpose(0, 1).sum(0),
    "a view that is done with": lambda x: x.transpose(0, 1).exp().mul_(2).sum(0) + x.sum(),
}


@pytest.mark.parametrize("name", PURE)
def test_nothing_is_written_and_the_numbers_are_the_same(name):
    x = torch.randn(3, 4)
    module = exported(PURE[name], x)
    assert writes(module)
    make_pure(module)
    assert writes(module) == []
    kept = x.clone()
    torch.testing.assert_close(result(run(module, x)), PURE[name](x.clone()), rtol=0, atol=0)
    assert torch.equal(x, kept)


def write_a_row(x):
    h = x * 2
    h[0] += 1
    return h


def write_under_a_view(x):
    h = x * 2
    rows = h.view(4, 3)
    h.add_(1)
    return rows


def write_after_a_reshape(x):
    h = x * 2
    again = h.reshape(3, 4)
    again.mul_(5)
    return h


@pytest.mark.parametrize("function", [write_a_row, write_under_a_view, write_after_a_reshape])
def test_a_write_that_another_name_would_see_is_refused(function):
    module = exported(function, torch.randn(3, 4))
    untouched = copy.deepcopy(module)
    with pytest.raises(WritesIntoView, match=r"while '.*' is used"):
        make_pure(module)
    assert writes(untouched)
