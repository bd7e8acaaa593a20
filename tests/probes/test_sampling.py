from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes.sampling import BLOCKS, SAMPLE, WIDTH, fits, local, positions, sample


def counted(*shape):
    """Every element is its own place in memory."""
    return torch.arange(float(np.prod(shape))).view(shape)


def taken(tensor, record=0):
    return sample(tensor, record).reshape(-1)


@pytest.mark.parametrize("size", [1, 2, 15, 4095, 4096])
def test_of_a_small_tensor_all_is_taken_in_its_order(size):
    tensor = counted(size)
    for record in range(3):
        assert torch.equal(taken(tensor, record), tensor)


@pytest.mark.parametrize("shape", [(4097,), (4351,), (4352,), (5000,), (512, 513), (1 << 20,)])
def test_a_large_tensor_is_sampled_inside_its_bounds_without_repeats(shape):
    tensor = counted(*shape)
    for record in range(5):
        found = taken(tensor, record)
        assert len(found.unique()) == len(found) == SAMPLE == BLOCKS * WIDTH
        assert 0 <= found.min() <= found.max() < tensor.numel()


@pytest.mark.parametrize("shape", [(4097,), (5000,), (512, 513), (64, 3, 7, 7), (1 << 20,)])
def test_no_record_is_too_large_a_number(shape):
    tensor = counted(*shape)
    for record in (10**6, 2**31, 2**40):
        assert len(taken(tensor, record).unique()) == SAMPLE


def test_the_sample_moves_with_the_record():
    one, two = (set(taken(counted(10_000), record).tolist()) for record in range(2))
    assert one != two


def test_one_record_has_one_sample():
    tensor = counted(300, 300)
    assert torch.equal(taken(tensor, 3), taken(tensor.clone(), 3))


def test_every_element_is_met_in_the_long_run():
    met = torch.cat([taken(counted(5000), record) for record in range(300)])
    assert len(met.unique()) == 5000


def test_all_columns_of_a_matrix_are_met():
    met = torch.cat([taken(counted(512, 513), record) for record in range(20)]).long() % 513
    assert len(met.unique()) == 513


@pytest.mark.parametrize(
    "shape", [(256, 785), (256, 27), (256, 1025), (768, 511), (512, 513), (64, 3, 7, 7), (3, 5000)]
)
def test_one_record_meets_as_many_columns_as_it_can(shape):
    columns = shape[-1]
    for record in range(3):
        met = len((taken(counted(*shape), record).long() % columns).unique())
        assert met >= 0.95 * min(columns, SAMPLE)


LAYOUTS = {
    "transposed": lambda: counted(300, 400).T,
    "channels last": lambda: counted(8, 16, 14, 14).to(memory_format=torch.channels_last),
    "permuted": lambda: counted(10, 20, 30, 20).permute(3, 1, 0, 2),
    "queries": lambda: counted(16, 128, 192)[:, :, 64:128],
    "heads": lambda: counted(8, 64, 3, 4, 16).permute(2, 0, 3, 1, 4)[1],
    "every other": lambda: counted(20_000)[1::2],
    "a diagonal": lambda: counted(100, 100, 50).diagonal(dim1=0, dim2=1),
    "a border": lambda: counted(4, 3, 50, 50)[:, :, 1:, 1:],
    "a stretch": lambda: counted(20_000)[7:12_000],
    "one row": lambda: counted(3, 9000)[1:2],
    "windows side by side": lambda: counted(9000).unfold(0, 9, 9),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_any_layout_only_elements_are_taken_and_each_once(layout):
    tensor = LAYOUTS[layout]()
    elements = set(tensor.reshape(-1).tolist())
    for record in range(10):
        found = taken(tensor, record).tolist()
        assert len(found) == len(set(found)) == min(SAMPLE, tensor.numel())
        assert set(found) <= elements


@pytest.mark.parametrize(
    "tensor",
    [
        counted(3000)[:, None].expand(3000, 5),
        counted(5000).unfold(0, 8, 2),
        counted(1).expand(9000),
    ],
    ids=["expanded", "windows", "one number"],
)
def test_what_shares_its_memory_is_taken_within_it(tensor):
    elements = set(tensor.reshape(-1).tolist())
    for record in range(10):
        found = taken(tensor, record)
        assert len(found) == SAMPLE
        assert set(found.tolist()) <= elements


SLICED = {
    "queries": (lambda: counted(16, 128, 576)[:, :, :192], (16, 128, 576)),
    "long": (lambda: counted(2, 2048, 384)[:, :, 128:256], (2, 2048, 384)),
}


@pytest.mark.parametrize("layout", SLICED)
def test_all_columns_and_rows_of_a_slice_are_met(layout):
    make, whole = SLICED[layout]
    tensor = make()
    met = torch.cat([taken(tensor, record) for record in range(200)]).long().numpy()
    for axis, places in enumerate(np.unravel_index(met, whole)):
        assert len(np.unique(places)) == tensor.shape[axis], f"axis {axis}"


def test_a_large_transposed_tensor_is_sampled_like_its_memory():
    tensor = counted(300, 300)
    assert torch.equal(taken(tensor.T), taken(tensor))


@pytest.mark.parametrize("layout", ["transposed", "channels last", "permuted", "a stretch"])
def test_what_lies_close_together_is_looked_at_where_it_lies(layout):
    tensor = LAYOUTS[layout]()
    seen = sample(tensor, 1)
    assert seen.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr()


@pytest.mark.parametrize(
    "shape", [(1,), (30, 40), (4096,), (4097,), (5000,), (512, 513), (64, 3, 7, 7), (3, 5, 9001)]
)
@pytest.mark.parametrize("record", [0, 1, 17])
def test_positions_are_those_of_the_sample(shape, record):
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = positions(tensor, record)
    assert torch.equal(tensor.reshape(-1)[found], taken(tensor, record))


@pytest.mark.parametrize("layout", ["transposed", "channels last", "permuted", "one row"])
def test_positions_are_places_in_memory(layout):
    tensor = LAYOUTS[layout]()
    begin = tensor.storage_offset()
    memory = torch.as_strided(tensor, (tensor.numel(),), (1,), begin)
    assert torch.equal(memory[positions(tensor, 3)], taken(tensor, 3))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(3),
        torch.ones(3).half(),
        torch.ones(3).bfloat16(),
        torch.ones(3).double(),
        torch.empty(0),
        nn.Parameter(torch.ones(3)),
    ],
)
def test_dense_real_tensors_fit(tensor):
    assert fits(tensor)


def test_others_do_not():
    ones = torch.ones(3, 3)
    others = [
        ones.to_sparse(),
        ones.int(),
        ones.bool(),
        torch.ones(3, dtype=torch.complex64),
        torch.ones(3, device="meta"),
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    ]
    assert [fits(tensor) for tensor in others] == [False] * len(others)


def test_a_tensor_that_processes_hold_together_is_represented_by_its_part():
    class Sharded:
        def to_local(self):
            return "its part"

    plain, weight = torch.ones(3), nn.Parameter(torch.ones(3))
    assert local(Sharded()) == "its part"
    assert local(plain) is plain
    assert local(weight) is weight
    assert local(None) is None
