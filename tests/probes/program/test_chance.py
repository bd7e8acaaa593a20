"""Random operations with a generator of their own, against torch's and against closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.program.chance import CALLS, GUESS, Chance, seeds
from probes.program.form import Node

CPU = torch.device("cpu")
DRAWS = 20000


def chance(rows=1, *, shared=False, draws=1, seed=0):
    made = Chance(rows, shared)
    made.seed(seeds(seed, draws), CPU)
    return made


def near(values, mean, variance):
    """[draw, ...]: within 4.5 standard errors of what they must be, all of them."""
    values = values.double()
    centred = values - mean
    errors = (centred.pow(4).mean(0) - centred.pow(2).mean(0) ** 2).clamp_min(0).sqrt()
    assert ((values.mean(0) - mean).abs() <= 4.5 * (variance / len(values)) ** 0.5 + 1e-9).all()
    apart = (centred.pow(2).mean(0) - variance).abs()
    assert (apart <= 4.5 * errors / len(values) ** 0.5 + 1e-9).all()


def test_dropout_scales_what_it_keeps():
    x = torch.tensor([1.0, -2.0, 0.5]).expand(DRAWS, 3)
    dropped = CALLS["dropout.default"](chance(), None, x, 0.3, True)
    near(dropped, x[0].double(), 0.3 / 0.7 * x[0].double() ** 2)
    assert (CALLS["dropout.default"](chance(), None, x, 1.0, True) == 0).all()
    assert CALLS["dropout.default"](chance(), None, x, 0.0, True) is x


def test_channels_fall_together():
    x = torch.ones(500, 4, 3, 3)
    dropped = CALLS["feature_dropout.default"](chance(), 0, x, 0.5, True).flatten(2)
    assert (dropped.amin(-1) == dropped.amax(-1)).all()
    assert set(dropped.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("name", ["alpha_dropout.default", "feature_alpha_dropout.default"])
def test_alpha_dropout_keeps_mean_and_variance_of_a_normal_input(name):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(DRAWS, 2, generator=generator, dtype=torch.float64)
    near(CALLS[name](chance(), None, x, 0.3, True), 0.0, 1.0)
    low = float(CALLS[name](chance(), None, torch.zeros(1000, 2), 0.3, True).min())
    torch.manual_seed(0)
    assert low == pytest.approx(
        float(functional.alpha_dropout(torch.zeros(1000, 2), 0.3, True).min())
    )


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"is_causal": True},
        {"scale": 0.2},
        {"attn_mask": torch.ones(4, 4).tril().bool()},
        {"attn_mask": torch.randn(4, 4, generator=torch.Generator().manual_seed(0))},
        {"attn_mask": torch.tensor([[False] * 4, *[[True] * 4] * 3])},  # one sees nothing
    ],
)
def test_attention_is_torchs_own_but_for_what_it_drops(how):
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 4, 5, generator=generator) for _ in range(3))
    mask, rest = how.get("attn_mask"), {n: w for n, w in how.items() if n == "scale"}
    call = CALLS["scaled_dot_product_attention.default"]
    found = call(chance(), 0, q, k, v, mask, 0.0, how.get("is_causal", False), **rest)
    torch.testing.assert_close(found, functional.scaled_dot_product_attention(q, k, v, **how))


def test_attention_with_few_keys_for_many_queries():
    q, k, v = (torch.randn(2, heads, 4, 5) for heads in (6, 2, 2))
    call = CALLS["scaled_dot_product_attention.default"]
    found = call(chance(), 0, q, k, v, enable_gqa=True)
    wanted = functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    torch.testing.assert_close(found, wanted)


def test_attention_with_equal_weights_varies_as_its_values():
    p, v = 0.2, torch.tensor([[1.0], [-2.0], [3.0], [0.5]])
    q = k = torch.zeros(DRAWS, 4, 2)
    call = CALLS["scaled_dot_product_attention.default"]
    found = call(chance(), 0, q, k, v.expand(DRAWS, 4, 1), None, p)[:, 0, 0]
    near(found, float(v.mean()), p / (1 - p) * float((v**2).sum()) / 16)


KINDS = {
    "lstm.input": (nn.LSTM, {"batch_first": True}),
    "gru.input": (nn.GRU, {"bidirectional": True}),
    "rnn_tanh.input": (nn.RNN, {"batch_first": True, "bias": False}),
    "rnn_relu.input": (nn.RNN, {"nonlinearity": "relu"}),
}


def recurrent(name, p, made, x):
    kind, how = KINDS[name]
    torch.manual_seed(0)
    cells = kind(3, 4, 2, **how)
    ways = 1 + how.get("bidirectional", False)
    first = how.get("batch_first", False)
    hidden = torch.zeros(2 * ways, x.shape[0 if first else 1], 4)
    state = [hidden, hidden] if kind is nn.LSTM else hidden
    flat = [weight.detach() for weight in cells._flat_weights]
    axis, bias = 0 if first else 1, how.get("bias", True)
    with torch.no_grad():
        own = CALLS[name](made, axis, x, state, flat, bias, 2, p, True, ways == 2, first)
        return own, cells(x)


@pytest.mark.parametrize("name", KINDS)
def test_recurrent_layers_are_torchs_own_but_for_what_falls_between_them(name):
    x = torch.randn(5, 5, 3, generator=torch.Generator().manual_seed(2))
    (out, *last), (wanted, states) = recurrent(name, 0.0, chance(), x)
    torch.testing.assert_close(out, wanted)
    states = states if isinstance(states, tuple) else (states,)
    for found, right in zip(last, states, strict=True):
        torch.testing.assert_close(found, right)
    (dropped, *_), _ = recurrent(name, 0.5, chance(), x)
    assert not torch.allclose(dropped, wanted)


def test_examples_share_the_mask_between_recurrent_layers():
    x = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(2)).expand(4, 6, 3)
    (one, *_), _ = recurrent("lstm.input", 0.5, chance(4, shared=True), x)
    (own, *_), _ = recurrent("lstm.input", 0.5, chance(4), x)
    torch.testing.assert_close(one, one[:1].expand_as(one))
    assert not torch.allclose(own, own[:1].expand_as(own))


def test_rrelu_takes_slopes_between_its_bounds():
    x = torch.tensor([-1.0, 2.0]).expand(DRAWS, 2)
    found = CALLS["rrelu.default"](chance(), None, x, 0.1, 0.3, True)
    assert (found[:, 1] == 2).all()
    near(found[:, 0], -0.2, 0.2**2 / 12)


NOISE = {
    "rand.default": (([DRAWS],), 0.5, 1 / 12),
    "rand_like.default": ((torch.zeros(DRAWS),), 0.5, 1 / 12),
    "randn.default": (([DRAWS],), 0.0, 1.0),
    "randn_like.default": ((torch.zeros(DRAWS),), 0.0, 1.0),
    "bernoulli.p": ((torch.zeros(DRAWS), 0.7), 0.7, 0.21),
    "bernoulli.default": ((torch.full((DRAWS,), 0.7),), 0.7, 0.21),
}


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_of_the_kind_it_says(name):
    args, mean, variance = NOISE[name]
    near(CALLS[name](chance(), None, *args), mean, variance)


def test_a_shared_mask_is_one_for_all_examples_of_a_draw_and_another_in_the_next():
    x = torch.ones(3 * 4, 50)  # 3 draws of 4 examples
    found = CALLS["dropout.default"](chance(4, shared=True, draws=3), 0, x, 0.5, True)
    draws = found.reshape(3, 4, 50)
    assert (draws == draws[:, :1]).all()
    assert len({tuple(draw[0].tolist()) for draw in draws}) == 3


def test_heads_of_one_example_have_masks_of_their_own():
    x = torch.ones(4 * 2, 60)  # 4 examples of 2 heads
    found = CALLS["dropout.default"](chance(4, shared=True), GUESS, x, 0.5, True)
    heads = found.reshape(4, 2, 60)
    assert (heads == heads[:1]).all()
    assert not torch.equal(heads[0, 0], heads[0, 1])


def test_shared_draws_are_the_same_one_at_a_time_and_together():
    x = torch.ones(4, 7)
    own, alone = seeds(5, 3), Chance(4, shared=True)
    parts = []
    for seed in own:
        alone.seed([seed], CPU)
        parts.append(CALLS["dropout.default"](alone, 0, x, 0.5, True))
    together = CALLS["dropout.default"](
        chance(4, shared=True, draws=3, seed=5), 0, x.repeat(3, 1), 0.5, True
    )
    assert torch.equal(torch.cat(parts), together)


def test_more_draws_begin_with_the_same_seeds():
    assert seeds(3, 10)[:4] == seeds(3, 4)
    assert len({*seeds(3, 100), *seeds(4, 100)}) == 200


def test_what_fired_is_counted_in_draws_and_the_global_generator_is_left_alone():
    state, made = torch.get_rng_state(), chance(2, draws=3)
    node = Node("drop", "dropout.default", ("%x", 0.5, True))
    made.take(node, 0, torch.ones(6, 2), 0.5, True)
    made.take(node, 0, torch.ones(6, 2), 0.5, True)
    assert made.fired == {"%drop": 6}
    assert torch.equal(torch.get_rng_state(), state)
