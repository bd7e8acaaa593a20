"""Calls to random operations, taken over one by one."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from diagnostics.subject.forcing import Forcing
from probes.program.chance import Chance


def forcing(state, rows=4, *, shared=False, only=None, p=None):
    chance = Chance(rows, shared)
    chance.seed([7], torch.device("cpu"))
    return Forcing(state, chance, only, p)


CALLS = {
    "dropout": lambda x: functional.dropout(x, 0.5, training=False),
    "torch.dropout": lambda x: torch.dropout(x, 0.5, False),
    "alpha_dropout": lambda x: functional.alpha_dropout(x, 0.5, training=False),
    "feature_alpha_dropout": lambda x: functional.feature_alpha_dropout(x, 0.5, training=False),
    "dropout1d": lambda x: functional.dropout1d(x, 0.5, training=False),
    "dropout2d": lambda x: functional.dropout2d(x[..., None], 0.5, training=False)[..., 0],
    "dropout3d": lambda x: functional.dropout3d(x[..., None, None], 0.5, training=False)[..., 0, 0],
}


@pytest.mark.parametrize("name", CALLS)
def test_dropout_is_forced_where_it_is_off_and_silenced_where_it_is_on(name):
    x = torch.ones(4, 50, 2)
    forced, silenced = forcing("forced"), forcing("silenced")
    with forced:
        assert not torch.equal(CALLS[name](x), x)
    with silenced:
        assert torch.equal(CALLS[name](x), x)
    [(seen, times)] = forced.seen.times.items()
    assert (seen, times) == (name.removeprefix("torch."), 1)
    assert not silenced.seen.times


def test_in_place_it_is_written_to_what_it_was_given():
    x = torch.ones(4, 50)
    with forcing("forced"):
        found = functional.dropout(x, 0.5, training=False, inplace=True)
    assert found.data_ptr() == x.data_ptr()
    assert (x == 0).any()


def test_what_is_watched_is_as_it_was_and_told_of():
    x, watched = torch.ones(4, 50), forcing("watched")
    with watched:
        assert torch.equal(functional.dropout(x, 0.5, training=False), x)
        assert not watched.seen.times
        assert not torch.equal(functional.dropout(x, 0.5), x)
        assert not torch.equal(torch.dropout(x, 0.5, train=True), x)
        torch.rand(3)
    assert watched.seen.times == {"dropout": 1, "dropout#2": 1, "rand": 1}


def test_names_are_of_the_module_that_calls_and_start_anew_with_each_pass():
    made, x = forcing("forced", only=["block#2"]), torch.ones(4, 50)
    for _ in range(2):
        made.begin()
        made.path.append("block")
        with made:
            first, second = (functional.dropout(x, 0.5, training=False) for _ in range(2))
        assert torch.equal(first, x)
        assert not torch.equal(second, x)
    assert made.seen.times == {"block#2": 2}
    assert made.seen.ops == {"block": ("dropout", 0.5), "block#2": ("dropout", 0.5)}


@pytest.mark.parametrize("need_weights", [False, True])
def test_heads_drop_inside_torchs_own_code(need_weights):
    torch.manual_seed(0)
    heads = nn.MultiheadAttention(6, 2, dropout=0.3, batch_first=True).eval()
    x, made = torch.randn(4, 5, 6), forcing("forced")
    with torch.no_grad():
        plain = heads(x, x, x, need_weights=need_weights)[0]
        with made:
            dropped = heads(x, x, x, need_weights=need_weights)[0]
        with forcing("silenced"):
            torch.testing.assert_close(heads(x, x, x, need_weights=need_weights)[0], plain)
    assert not torch.allclose(plain, dropped)
    assert [op for op, _ in made.seen.ops.values()] == [
        "dropout" if need_weights else "scaled_dot_product_attention"
    ]


def test_packed_sequences_drop_by_torchs_own_generator():
    torch.manual_seed(0)
    cells = nn.LSTM(3, 4, 2, dropout=0.5, batch_first=True).eval()
    packed = pack_padded_sequence(torch.randn(3, 5, 3), torch.tensor([5, 4, 2]), batch_first=True)
    with torch.no_grad():
        plain, made = cells(packed)[0].data, forcing("forced", 3)
        with made:
            dropped = cells(packed)[0].data
    assert not torch.allclose(plain, dropped)
    assert made.seen.ops == {"lstm": ("lstm", 0.5)}


def test_one_layer_has_nothing_between_layers_to_drop():
    cells, made, x = nn.GRU(3, 4, 1).eval(), forcing("forced"), torch.randn(5, 4, 3)
    with torch.no_grad(), made:
        cells(x)
    assert made.seen.ops == {}


def test_shared_noise_is_one_for_all_examples():
    with forcing("forced", shared=True), torch.random.fork_rng():
        made = torch.rand(4, 3)
        kept = torch.zeros(4, 3).bernoulli_(0.5)
    assert (made == made[:1]).all()
    assert (kept == kept[:1]).all()
