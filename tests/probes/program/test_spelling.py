from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from probes.program import capture, prepare
from probes.program.operations import known
from probes.program.spelling import skipped, spelled
from tests.probes.program.models import weights_for


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


class Attends(nn.Module):
    """Writes into a part of a tensor, so that it is lowered, whose reshapes become views."""

    def __init__(self):
        super().__init__()
        self.mixed, self.out = nn.Linear(8, 24), nn.Linear(8, 5)
        self.bias = nn.Parameter(torch.randn(2, 5, 5))

    def forward(self, x):
        before = torch.zeros_like(x)
        before[:, 1:] = x[:, :-1]
        q, k, v = (p.view(len(x), 5, 2, 4).transpose(1, 2) for p in self.mixed(before).chunk(3, -1))
        bias = self.bias[None].expand(len(x), -1, -1, -1)
        seen = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return self.out(seen.transpose(1, 2).reshape(len(x), 5, 8))[:, 4]


def test_a_view_does_not_depend_on_how_a_kernel_lays_memory_out():
    torch.manual_seed(0)
    model, x, y = Attends(), torch.randn(6, 5, 8), torch.randint(0, 5, (6,))
    recorded = capture(model, nn.functional.cross_entropy, (x, y))
    weights = weights_for(model, recorded)
    for kernel in (SDPBackend.MATH, SDPBackend.FLASH_ATTENTION):
        with sdpa_kernel([kernel, SDPBackend.MATH]):
            found = prepare(recorded.program)(weights, recorded.batch)["loss"]
            torch.testing.assert_close(found, nn.functional.cross_entropy(model(x), y).detach())
