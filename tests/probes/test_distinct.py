from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from probes.distinct import Distinct
from probes.probe import StepProbe
from tests.probes.doubles import FakeMoment


def told(model):
    """The shares by name, as they are told at the first record."""
    moment = FakeMoment(model=model)
    Distinct().step(moment)
    if not moment.arrays:
        return {}
    names = moment.about["distinct"].removeprefix("[parameter: ").removesuffix("]").split(", ")
    return dict(zip(names, moment.arrays["distinct"].tolist(), strict=True))


def linear(rows, dtype=torch.float32):
    model = nn.Linear(rows.shape[1], rows.shape[0]).to(dtype)
    model.weight.data.copy_(rows)
    return model


def test_it_is_a_probe_of_steps():
    assert isinstance(Distinct(), StepProbe)


def test_rows_of_every_kind_of_layer():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 5), nn.LSTM(5, 4))
    assert told(model) == {
        "0.weight": 1, "2.weight": 1, "3.weight_ih_l0": 1, "3.weight_hh_l0": 1,
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_rows_that_are_alike_in_every_type(dtype):
    generator = torch.Generator().manual_seed(0)
    few = torch.randn(5, 40, generator=generator)
    rows = few[torch.randint(0, 5, (100,), generator=generator)]
    expected = len(np.unique(rows.to(dtype).double().numpy(), axis=0)) / 100
    assert told(linear(rows, dtype)) == {"weight": pytest.approx(expected)}


def test_all_zeros_are_one_row_whatever_their_sign():
    rows = torch.zeros(8, 4)
    rows[3:] *= -1
    assert told(linear(rows)) == {"weight": pytest.approx(1 / 8)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_last_bit_of_one_number_makes_a_row_another(dtype):
    rows = torch.full((10, 7), 1 / 3, dtype=dtype)
    rows[4, 6] = torch.nextafter(rows[4, 6], torch.ones((), dtype=dtype))
    assert told(linear(rows, dtype)) == {"weight": pytest.approx(2 / 10)}


def test_of_weights_that_are_lost_nothing_is_known():
    rows = torch.full((8, 4), torch.nan)
    assert np.isnan(told(linear(rows))["weight"])
    rows = torch.arange(32.0).reshape(8, 4)
    rows[0, 0] = torch.inf
    assert np.isnan(told(linear(rows))["weight"])


def test_a_large_matrix_is_seen_from_its_first_row_to_its_last():
    rows = torch.zeros(4096, 3)
    rows[2048:] = 1
    assert told(linear(rows)) == {"weight": pytest.approx(2 / 256)}


def test_rows_too_long_to_look_at_all_of_are_fewer():
    rows = torch.arange(64.0)[:, None].expand(64, 1 << 17)
    assert told(linear(rows)) == {"weight": 1}
    assert told(linear(torch.zeros(64, 1 << 17))) == {"weight": pytest.approx(1 / 8)}


def test_embeddings_normalisations_vectors_and_single_rows_are_left_out():
    model = nn.ModuleList(
        [nn.Embedding(6, 4), nn.LayerNorm([3, 4]), nn.Linear(4, 1), nn.BatchNorm1d(4), nn.PReLU(4)]
    )
    assert told(model) == {}


def test_parameters_of_their_own():
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights, self.position = (nn.Parameter(torch.zeros(3, 2)) for _ in range(2))
            self.inner = nn.Module()
            self.inner.mix = nn.Parameter(torch.zeros(2, 2))

    expected = {"weights": pytest.approx(1 / 3), "inner.mix": 0.5}
    assert told(Own()) == expected


def test_a_weight_that_is_shared_is_told_once():
    model = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4), nn.Embedding(6, 4), nn.Linear(4, 6)])
    model[1].weight, model[3].weight = model[0].weight, model[2].weight
    assert list(told(model)) == ["0.weight"]


def test_what_cannot_be_looked_at_is_left_out():
    model = nn.ModuleList(
        [nn.LazyLinear(3), nn.Linear(3, 3, device="meta"), nn.Linear(2, 3), nn.Linear(2, 2)]
    )
    model[2].weight = nn.Parameter(torch.empty(3, 0))
    assert list(told(model)) == ["3.weight"]


def test_it_looks_at_the_first_record_and_then_rarely():
    model, probe, looks = nn.Linear(2, 2), Distinct(), []
    for record in range(1, 5000):
        moment = FakeMoment(step=3 * record, model=model)
        probe.step(moment)
        looks += [record] * bool(moment.arrays)
    assert looks == [1, 64, 512, 4096]


def test_weights_and_random_numbers_are_left_alone():
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    before = [(p.clone(), p._version) for p in model.parameters()]
    rng = torch.get_rng_state()
    told(model)
    for parameter, (values, version) in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, values)
        assert parameter._version == version
    assert torch.equal(torch.get_rng_state(), rng)
