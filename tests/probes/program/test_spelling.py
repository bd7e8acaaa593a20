from __future__ import annotations

import pytest
import torch
from torch import nn

from probes.program.operations import known
from probes.program.spelling import skipped, spelled


def nodes(function, *inputs):
    class Whole(nn.Module):
        def forward(self, *given):
            return function(*given)

    graph = torch.export.export(Whole(), inputs, strict=False).graph
    return [node for node in graph.nodes if node.op == "call_function"]


def spellings(function, *inputs):
    return [spelled(node) for node in nodes(function, *inputs) if not skipped(node)]


X = torch.randn(3, 4)


def test_every_argument_at_its_place():
    [(op, args, kwargs)] = spellings(lambda x: torch.sum(x, dim=1, keepdim=True), X)
    assert (op, args[1:], kwargs) == ("sum.dim_IntList", [[1], True], {})
    [(op, args, kwargs)] = spellings(lambda x: torch.add(x, x, alpha=2), X)
    assert (op, len(args), kwargs) == ("add.Tensor", 2, {"alpha": 2})


DEVICE_FREE = {
    "zeros.default": lambda x: torch.zeros(3, device="cpu") + x.sum(),
    "rand_like.default": lambda x: torch.rand_like(x, device="cpu"),
    "to.dtype": lambda x: x.to("cpu", torch.float64),
    "zeros_like.default": torch.empty_like,
    "arange.default": lambda x: torch.arange(4, device="cpu") + x,
}


@pytest.mark.parametrize("op", DEVICE_FREE)
def test_no_device_and_no_old_memory(op):
    found = {name: (args, kwargs) for name, args, kwargs in spellings(DEVICE_FREE[op], X)}
    args, kwargs = found[op]
    assert not any(isinstance(value, torch.device) for value in (*args, *kwargs.values()))
    assert not {"device", "layout", "pin_memory"} & kwargs.keys()
    assert all(known(name) for name in found)


def test_operations_of_others_are_named_as_theirs():
    @torch.library.custom_op("fathom_spelling::half", mutates_args=())
    def half(x: torch.Tensor) -> torch.Tensor:
        return x / 2

    @half.register_fake
    def _(x):
        return x / 2

    assert spellings(half, X) == [("fathom_spelling::half.default", [], {})]


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch, of itself
def test_batch_normalisation_is_spelled_back_from_what_it_is_lowered_to():
    layer = nn.BatchNorm1d(4)
    for mode in (True, False):
        exported = torch.export.export(layer.train(mode), (X,), strict=False)
        lowered = exported.run_decompositions({}).graph
        [node] = [n for n in lowered.nodes if "batch_norm" in str(n.target)]
        op, args, _ = spelled(node)
        assert op == "batch_norm.default"
        assert args[5:] == [mode, 0.1, 1e-5, False]
        assert len(args) == 9
