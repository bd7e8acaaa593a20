from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

from probes.host_copy import ALIGNED, HostCopy, Part, place, unfit, weights
from probes.snapshot_file import KNOWN, decode
from tests.trainings import MODELS


def copied(model):
    parts = [Part.of(name, tensor) for name, tensor in weights(model)]
    rows, copy = place(parts), HostCopy()
    assert copy.take(parts, rows) == []
    return rows, copy.view(rows)


def stored(row, view):
    return bytes(view[row.offset : row.offset + row.bytes])


def raw(tensor):
    """A tensor's elements in their order, bit by bit."""
    return bytes(tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


@pytest.mark.parametrize("name", MODELS)
def test_names_and_order_are_those_of_a_state_dict(name):
    model = MODELS[name]()
    rows, view = copied(model)
    state = model.state_dict()
    assert [row.name for row in rows] == list(state)
    for row in rows:
        assert row.shape == tuple(state[row.name].shape)
        assert stored(row, view) == raw(state[row.name])


def every_kind() -> nn.Module:
    model = nn.Module()
    for kind in sorted(KNOWN):
        if hasattr(torch, kind):
            dtype = getattr(torch, kind)
            bits = torch.arange(1, 1 + 6 * dtype.itemsize).to(torch.uint8)
            if dtype is torch.bool:
                bits = bits % 2
            model.register_buffer(f"of_{kind}", bits.view(dtype).view(2, 3))
            model.register_buffer(f"empty_{kind}", torch.empty((0, 3), dtype=dtype))
            model.register_buffer(f"point_{kind}", bits[: dtype.itemsize].clone().view(dtype)[0])
    return model


@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_every_type_bit_for_bit():
    model = every_kind()
    rows, view = copied(model)
    assert len(rows) == 3 * sum(hasattr(torch, kind) for kind in KNOWN)
    for row in rows:
        tensor = model.get_buffer(row.name)
        assert row.dtype == str(tensor.dtype).removeprefix("torch.")
        assert row.alias == ""
        assert row.offset % ALIGNED == 0
        assert stored(row, view) == raw(tensor)


def test_layouts_in_memory_do_not_matter():
    model = nn.Module()
    model.register_buffer("transposed", torch.arange(12.0).view(3, 4).t())
    model.register_buffer("images", torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last))
    model.register_buffer("expanded", torch.tensor(7.0).expand(3, 2))
    model.register_buffer("strided", torch.arange(20.0)[3:17:2])
    model.register_buffer("conjugate", torch.view_as_complex(torch.rand(3, 2)).conj())
    model.register_buffer("negative", torch.view_as_complex(torch.rand(3, 2)).conj().imag)
    rows, view = copied(model)
    for row in rows:
        tensor = model.get_buffer(row.name).clone(memory_format=torch.contiguous_format)
        assert stored(row, view) == raw(tensor.resolve_conj().resolve_neg())


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.head = nn.Linear(4, 10, bias=False)
        self.head.weight = self.embed.weight
        self.block = nn.Linear(4, 4)
        self.again = self.block
        self.register_buffer("first_rows", self.embed.weight.detach()[:5])
        self.register_buffer("empty", torch.empty(0))
        self.register_buffer("hollow", torch.empty(0))
        self.register_buffer("unsaved", torch.ones(3), persistent=False)
        self.register_parameter("nothing", None)


def test_tied_tensors_are_copied_once_and_a_part_of_one_is_a_tensor_of_its_own():
    rows, view = copied(Tied())
    aliases = {row.name: row.alias for row in rows}
    assert {name: of for name, of in aliases.items() if of} == {
        "head.weight": "embed.weight",
        "again.weight": "block.weight",
        "again.bias": "block.bias",
    }
    assert list(aliases)[:5] == ["first_rows", "empty", "hollow", "unsaved", "embed.weight"]
    assert "nothing" not in aliases
    assert [row.bytes for row in rows if row.alias] == [0, 0, 0]
    assert len(view) == rows[-3].offset + rows[-3].bytes  # nothing for the last two, aliases


def test_the_next_copy_takes_the_memory_over_and_a_larger_one_gets_more():
    copy = HostCopy()

    def take(values):
        parts = [Part.of("a", values)]
        rows = place(parts)
        copy.take(parts, rows)
        return copy.view(rows)

    first = take(torch.full((100,), 1.0))
    assert bytes(first) == raw(torch.full((100,), 1.0))
    second = take(torch.full((50,), 2.0))
    assert bytes(second) == raw(torch.full((50,), 2.0))
    assert bytes(first)[:200] == bytes(second)  # the same memory
    assert bytes(take(torch.full((1000,), 3.0))) == raw(torch.full((1000,), 3.0))


def test_a_copy_is_a_copy_and_knows_nothing_of_autograd():
    weight = nn.Parameter(torch.ones(3))
    parts = [Part.of("a", weight)]
    rows, copy = place(parts), HostCopy()
    copy.take(parts, rows)
    with torch.no_grad():
        weight += 1
    assert decode(torch.tensor(list(copy.view(rows)), dtype=torch.uint8).numpy(), "float32",
                  (3,)).tolist() == [1, 1, 1]  # fmt: skip
    assert not copy._memory.requires_grad
    assert weight.grad_fn is None


def test_frozen_is_a_parameter_that_is_not_trained():
    frozen = nn.Parameter(torch.ones(3), requires_grad=False)
    assert Part.of("a", frozen).frozen
    assert not Part.of("a", nn.Parameter(torch.ones(3))).frozen
    assert not Part.of("a", torch.ones(3)).frozen  # a buffer may change


def test_what_cannot_be_copied_is_told_why():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls half of these experimental or deprecated
        made = {
            "sparse_coo": torch.eye(3).to_sparse(),
            "sparse_csr": torch.eye(3).to_sparse_csr(),
            "quint8": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8),
            "nested": torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]),
            "meta": torch.ones(3, device="meta"),
            "no shape yet": nn.LazyLinear(3).weight,
        }
    for word, tensor in made.items():
        assert word in unfit(tensor)
    assert unfit(torch.ones(3)) == ""
    assert unfit(nn.Parameter(torch.empty(0))) == ""


class Pair(torch.Tensor):
    """A tensor made of two others, as quantisation libraries make them."""

    @staticmethod
    def __new__(cls, one, other):
        return torch.Tensor._make_wrapper_subclass(cls, one.shape, dtype=one.dtype)

    def __init__(self, one, other):
        self.one, self.other = one, other

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.detach.default:
            return args[0]
        raise NotImplementedError(function)


def test_a_tensor_made_of_others_is_told():
    assert "Pair" in unfit(Pair(torch.ones(3), torch.ones(3)))


SHARDED = """
import torch
from torch.distributed import HashStore, init_process_group
from torch.distributed.tensor import DTensor, Shard, distribute_tensor, init_device_mesh
from torch.testing._internal.distributed.fake_pg import FakeStore
init_process_group("fake", rank=0, world_size=2, store=FakeStore())
from probes.host_copy import HostCopy, Part, place, unfit
mesh = init_device_mesh("cpu", (2,))
tensor = torch.nn.Parameter(DTensor.from_local(torch.arange(8.0).view(2, 4), mesh, [Shard(0)]))
assert unfit(tensor) == "", unfit(tensor)
parts = [Part.of("a", tensor)]
(row,), copy = place(parts), HostCopy()
copy.take(parts, [row])
print(row.shape, row.note, torch.frombuffer(copy.view([row]), dtype=torch.float32).tolist())
"""


def test_of_a_tensor_that_ranks_share_each_keeps_its_own_part():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SHARDED],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == (
        "(2, 4) a shard of 4x4, (Shard(dim=0),) [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]"
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="takes a GPU")
def test_from_a_gpu_the_copy_is_of_the_moment_it_was_asked_for():
    weight = torch.rand(1 << 22, device="cuda")
    told = weight.cpu()
    parts = [Part.of("a", weight), Part.of("b", weight[:10].t())]
    rows, copy = place(parts), HostCopy()
    arrived = copy.take(parts, rows)
    weight.zero_()
    for event in arrived:
        event.synchronize()
    assert stored(rows[0], copy.view(rows)) == raw(told)
    assert stored(rows[1], copy.view(rows)) == raw(told[:10])
