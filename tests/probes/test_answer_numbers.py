from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from probes.answer_numbers import (
    AT_LEAST,
    ELEMENTS,
    ROWS,
    channels,
    counts,
    nearness,
    reach,
    rows,
    scale,
    shares,
)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_all_rows_of_a_small_table_are_taken_as_they_are():
    x = random(7, 5)
    assert torch.equal(rows(x, 1, turn=3), x)
    assert torch.equal(rows(x, None, turn=0), x.reshape(-1, 1))
    assert torch.equal(rows(x[0], 0, turn=0), x[:1])
    assert rows(torch.tensor(3), None, turn=5).tolist() == [[3]]


@pytest.mark.parametrize("shape", [(1000, 4), (40, 4, 30), (3, 4, 50, 70), (300, 4, 9, 2)])
@pytest.mark.parametrize("turn", [0, 1, 17])
def test_of_large_ones_an_even_choice_with_the_targets_that_belong_to_it(shape, turn):
    x = random(*shape)
    where = torch.arange(x[:, 0].numel()).reshape(x[:, 0].shape)  # of each row its number
    found, places = rows(x, 1, turn), rows(where, None, turn, beside=4).flatten()
    assert torch.equal(found, x.movedim(1, -1).reshape(-1, 4)[places])
    assert ROWS / 4 < len(places) <= ROWS
    assert len(places.unique()) == len(places)


def test_in_time_all_rows_have_their_turn():
    x = torch.arange(1000.0)[:, None]
    assert {v for turn in range(4) for v in rows(x, 1, turn).flatten().tolist()} == set(range(1000))


def test_of_wide_answers_fewer_rows_are_taken():
    assert len(rows(torch.zeros(500, ELEMENTS // 100), 1, 0)) == 100
    assert len(rows(torch.zeros(40, 1).expand(40, ELEMENTS), 1, 0)) <= AT_LEAST


def test_columns_are_the_last_axis_but_of_images_the_channels():
    assert [channels(torch.zeros(shape)) for shape in [(3,), (3, 4), (3, 4, 5)]] == [0, 1, 2]
    assert channels(torch.zeros(3, 4, 5, 6)) == 1


def test_the_scale_is_that_of_numpy():
    x = random(50, 6) * torch.arange(1.0, 7) + 2
    told = {name: float(value) for name, value in scale(x, 1e-3).items()}
    y = x.numpy().astype(np.float64)
    assert told == pytest.approx(
        {
            "min": y.min(),
            "max": y.max(),
            "std": y.std(),
            "spread": y.std(0).mean() / math.sqrt((y**2).mean()),
            "rows_sum_to_one": 0.0,
        },
        rel=1e-5,
    )


def test_rows_that_are_all_alike_have_no_spread_though_their_columns_differ():
    told = scale(random(1, 6).expand(20, 6), 1e-3)
    assert told["spread"] < 1e-6
    assert told["std"] > 0.1
    assert "spread" not in scale(random(1, 6), 1e-3)


def test_rows_that_sum_to_one():
    shared = random(40, 5).softmax(1)
    told = scale(torch.cat([shared, shared * 1.01, random(20, 5)]), 1e-3)
    assert float(told["rows_sum_to_one"]) == pytest.approx(0.4)
    negative = torch.tensor([[2.0, -1.0]] * 3)  # their sum is one, but these are no shares
    assert scale(negative, 1e-3)["rows_sum_to_one"] == 0
    assert "rows_sum_to_one" not in scale(torch.ones(9, 1), 1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_shares_of_any_precision_are_told_for_such(dtype):
    shared = (3 * random(500, 50)).softmax(1).to(dtype)
    assert scale(shared.float(), nearness(shared))["rows_sum_to_one"] == 1


def test_counts_are_those_of_a_plain_loop():
    generator = torch.Generator().manual_seed(1)
    answered, asked = torch.randint(0, 4, (2, 200), generator=generator)
    asked[::7] = -100
    asked[1] = 9  # no such class
    valid = torch.arange(200) % 5 > 0
    expected = torch.zeros(4, 3)
    for given, wanted, sound in zip(answered.tolist(), asked.tolist(), valid.tolist(), strict=True):
        if sound and 0 <= wanted < 4:
            expected[wanted, 0] += 1
            expected[given, 1] += 1
            expected[wanted, 2] += given == wanted
    found = counts(answered, asked, valid, 4)
    assert torch.equal(found, expected)
    told = shares(found)
    assert told["accuracy"] == expected[:, 2].sum() / expected[:, 0].sum()
    assert told["commonest"] == expected[:, 1].max() / expected[:, 0].sum()


def test_targets_out_of_reach():
    targets = torch.tensor([0.0, 1.0, 1.5, -2.0, 0.5, -1.0, 3.0, 0.25])
    told = reach(targets, (0.0, 1.0))
    assert told == {"whole": 5 / 8, "out_of_reach": 4 / 8}
    assert reach(targets, (0.0, math.inf))["out_of_reach"] == 2 / 8
    assert reach(targets, (-math.inf, math.inf))["out_of_reach"] == 0
    assert reach(targets, None) == {"whole": 5 / 8}
    assert reach(targets + 1e-8, (-2.0, 3.0))["out_of_reach"] == 0
