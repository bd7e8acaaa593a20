from __future__ import annotations

import copy
import gc
import math
import weakref
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention.bias import causal_lower_right
from torch.utils._python_dispatch import TorchDispatchMode

from probes.attention import SCORES, Attention
from tests.probes.doubles_attention import arrays_of, listening

B, H, T, S, E = 4, 3, 8, 11, 5  # small enough that every row is looked at
LEAST = torch.finfo(torch.float32).min
sdpa = functional.scaled_dot_product_attention


class Does(nn.Module):
    """A module that does nothing but call a function."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, *given, **more):
        return self.function(*given, **more)


def looked(model: nn.Module, *given, probe=None, **more) -> dict[str, Tensor]:
    """The arrays of a step with one pass."""
    probe = probe or Attention()
    with listening(model, probe):
        model(*given, **more)
    return arrays_of(probe)


def weights_of(query, key, mask=None, *, causal=False, scale=None, gqa=False) -> Tensor:
    """The definition in torch's documentation, in float64."""
    query, key = query.double(), key.double()
    if gqa:
        key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
    scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
    if causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None and mask.dtype is torch.bool:
        scores = scores.masked_fill(~mask, -torch.inf)
    elif mask is not None:
        scores = scores + mask.double()
    return scores.softmax(-1)


def summary(weights: Tensor) -> Tensor:
    """Head by head, row by row: [head, (relative entropy, largest weight)]."""
    heads = []
    for rows in weights.double().transpose(0, 1):
        found = []
        for row in rows.reshape(-1, weights.shape[-1]):
            seen = row[row > 0]
            if len(seen) > 1:
                found.append((-(seen * seen.log()).sum() / math.log(len(seen)), seen.max()))
        heads.append(torch.tensor(found, dtype=torch.float64).mean(0))
    return torch.stack(heads)


def close(found: Tensor, expected: Tensor, within: float = 1e-5) -> None:
    torch.testing.assert_close(found.double(), expected.double(), rtol=within, atol=within)


def tensors(*shapes, seed=0, dtype=torch.float32) -> list[Tensor]:
    maker = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=maker).mul(1.5).to(dtype) for shape in shapes]


def chosen(*shape: int) -> Tensor:
    """A bool mask that leaves every row two keys at least."""
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(5)) > 0.5
    mask[..., :2] = True
    return mask


def hidden(*shape: int, by: float) -> Tensor:
    """The same as an additive mask, beside small biases."""
    return torch.where(chosen(*shape), tensors(shape, seed=7)[0], by)


MASKS = {
    "none": None,
    "bool": chosen(T, S),
    "bool of each batch": chosen(B, 1, T, S),
    "bool of each head": chosen(H, T, S),
    "padded keys": chosen(B, 1, 1, S),
    "of all": hidden(B, H, T, S, by=-torch.inf),
    "additive with infinity": hidden(T, S, by=-torch.inf),
    "additive with the least number": hidden(B, 1, T, S, by=LEAST),
    "additive with a billion": hidden(1, S, by=-1e9),
    "biases alone": -torch.arange(S).float().expand(1, H, T, S) / 4,
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("scale", [None, 0.9])
def test_fused_attention_has_the_entropy_of_its_definition(mask, scale):
    query, key, value = tensors((B, H, T, E), (B, H, S, E), (B, H, S, 2))
    found = looked(Does(sdpa), query, key, value, attn_mask=mask, dropout_p=0.5, scale=scale)
    assert list(found) == ["attention/"]
    close(found["attention/"], summary(weights_of(query, key, mask, scale=scale)))


@pytest.mark.parametrize(("queries", "keys"), [(8, 8), (8, 5), (5, 11), (8, 2)])
def test_a_causal_mask_begins_at_the_top_left(queries, keys):
    query, key, value = tensors((B, H, queries, E), (B, H, keys, E), (B, H, keys, E))
    found = looked(Does(sdpa), query, key, value, is_causal=True)
    close(found["attention/"], summary(weights_of(query, key, causal=True)))


@pytest.mark.parametrize("mask", ["none", "bool", "bool of each batch", "padded keys"])
def test_heads_that_share_keys_are_heads_of_their_own(mask):
    query, key, value = tensors((B, 6, T, E), (B, 2, S, E), (B, 2, S, E))
    mask = MASKS[mask]
    found = looked(Does(sdpa), query, key, value, attn_mask=mask, enable_gqa=True)
    assert found["attention/"].shape == (6, 2)
    close(found["attention/"], summary(weights_of(query, key, mask, gqa=True)))


@pytest.mark.parametrize(
    ("query", "key"),
    [((1, H, T, E), (B, H, S, E)), ((B, H, T, E), (B, 1, S, E)), ((B, 1, T, E), (1, H, S, E))],
)
def test_queries_and_keys_that_many_share_are_repeated(query, key):
    query, key = tensors(query, key)
    found = looked(Does(sdpa), query, key, key)
    close(found["attention/"], summary(weights_of(query, key)))


def test_three_axes_are_a_batch_of_one_head_unless_heads_share_keys():
    query, key = tensors((B, T, E), (B, S, E))
    mask = chosen(B, T, S)
    found = looked(Does(sdpa), query, key, key, attn_mask=mask)
    close(found["attention/"], summary(weights_of(query, key, mask)[:, None]))
    found = looked(Does(sdpa), query, key[:2], key[:2], enable_gqa=True)
    close(found["attention/"], summary(weights_of(query, key[:2], gqa=True)[None]))


@pytest.mark.parametrize("by", [-torch.inf, LEAST, -1e4, None])
def test_rows_that_may_look_nowhere_or_at_one_key_are_left_out(by):
    query, key = tensors((B, H, T, E), (B, H, S, E))
    allowed = chosen(B, H, T, S)
    allowed[:, :, 0] = False
    allowed[:, :, 1, 1:] = False
    mask = allowed if by is None else torch.where(allowed, 0.0, by)
    found = looked(Does(sdpa), query, key, key, attn_mask=mask)
    close(found["attention/"], summary(weights_of(query, key, allowed)))


def test_a_head_without_any_choice_has_no_number():
    query, key = tensors((B, H, T, E), (B, H, S, E))
    allowed = chosen(B, H, T, S)
    allowed[:, 1] = False
    found = looked(Does(sdpa), query, key, key, attn_mask=allowed)["attention/"]
    assert found.isnan().tolist() == [[False, False], [True, True], [False, False]]
    assert looked(Does(sdpa), query, key[:, :, :1], key[:, :, :1]) == {}
    assert looked(Does(sdpa), query[:0], key[:0], key[:0]) == {}


def test_uniform_weights_have_entropy_1_and_a_single_key_has_0():
    query, key = tensors((B, 2, T, S), (B, 2, S, S))
    query[:, 0] = 0
    key[:, 1] = 1000 * torch.eye(S)
    query[:, 1] = torch.eye(S)[:T]
    found = looked(Does(sdpa), query, key, key)["attention/"]
    close(found, torch.tensor([[1.0, 1 / S], [0.0, 1.0]]), 1e-6)
    assert found[1, 0] < 1e-30


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_reckoned_in_float32(dtype):
    query, key = tensors((B, H, T, 64), (B, H, S, 64), dtype=dtype)
    found = looked(Does(sdpa), query, key, key)
    close(found["attention/"], summary(weights_of(query, key)))
    scores = tensors((B, H, T, S), dtype=dtype)[0]
    found = looked(nn.Softmax(-1), scores)
    close(found["attention/"], summary(scores.double().softmax(-1)))


def test_autocast_does_not_round_what_is_reckoned():
    query, key = tensors((B, H, T, 64), (B, H, S, 64))
    with torch.autocast("cpu", torch.bfloat16):
        found = looked(Does(sdpa), query, key, key)
    close(found["attention/"], summary(weights_of(query, key)))


BY_HAND = {
    "functional": partial(functional.softmax, dim=-1, dtype=torch.float32),
    "functional by position": lambda scores: functional.softmax(scores, 3),
    "torch": partial(torch.softmax, dim=3),
    "special": partial(torch.special.softmax, dim=-1),
    "method": lambda scores: scores.softmax(-1),
    "module": nn.Softmax(dim=-1),
}


@pytest.mark.parametrize("softmax", BY_HAND.values(), ids=BY_HAND)
@pytest.mark.parametrize("by", [-torch.inf, LEAST, -1e9, -1e4])
def test_a_softmax_by_hand_is_attention_and_counted_once(softmax, by):
    scores, allowed = tensors((B, H, T, S))[0], chosen(B, 1, T, S)
    allowed[:, :, 3] = False
    given = torch.where(allowed, scores, scores + by)
    (found,) = looked(Does(softmax), given).values()
    close(found, summary(scores.masked_fill(~allowed, -torch.inf).softmax(-1)))


def test_what_is_no_attention_is_left_alone():
    probe = Attention()
    for shape, axis in [((9, 4), -1), ((B, T, S), -1), ((B, H, T, S), 1), ((B, H, T, S), -2)]:
        assert looked(nn.Softmax(axis), *tensors(shape), probe=probe) == {}
    assert looked(nn.Softmax(-1), *tensors((2, 1, H, T, S)), probe=probe) == {}
    assert probe.unfit == {}


def causal(*, as_bool: bool) -> Tensor:
    mask = torch.ones(T, T, dtype=torch.bool).triu(1)
    return mask if as_bool else torch.zeros(T, T).masked_fill(mask, -torch.inf)


def padded(size: int = T) -> Tensor:
    mask = torch.zeros(B, size, dtype=torch.bool)
    mask[0, -3:] = mask[2, -1:] = True
    return mask


MULTI_HEAD = {
    "plain": ({}, {}),
    "bool mask": ({}, {"attn_mask": causal(as_bool=True)}),
    "float mask": ({}, {"attn_mask": causal(as_bool=False)}),
    "causal by hint": ({}, {"attn_mask": causal(as_bool=False), "is_causal": True}),
    "mask of each head": ({}, {"attn_mask": ~chosen(B * 4, T, T)}),
    "padding": ({}, {"key_padding_mask": padded()}),
    "both": ({}, {"key_padding_mask": padded(), "attn_mask": causal(as_bool=True)}),
    "zero key": ({"add_zero_attn": True}, {"attn_mask": causal(as_bool=True)}),
    "key of its own": ({"add_bias_kv": True}, {"key_padding_mask": padded()}),
    "without bias": ({"bias": False}, {}),
}


def weights_without_dropout(layer: nn.MultiheadAttention, x: Tensor, **called) -> Tensor:
    still, x = copy.deepcopy(layer).double(), x.double()
    still.dropout = 0.0
    if "attn_mask" in called and called["attn_mask"].dtype is not torch.bool:
        called["attn_mask"] = called["attn_mask"].double()
    return still(x, x, x, average_attn_weights=False, **called)[1].detach()


@pytest.mark.parametrize("form", MULTI_HEAD.values(), ids=MULTI_HEAD)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_multi_head_attention_has_the_entropy_of_its_weights(
    form, batch_first, need_weights, dropout
):
    made, called = form
    torch.manual_seed(1)
    layer = nn.MultiheadAttention(8, 4, batch_first=batch_first, dropout=dropout, **made)
    with torch.no_grad():
        layer.in_proj_weight.mul_(4)
    (x,) = tensors((B, T, 8) if batch_first else (T, B, 8))
    weights = weights_without_dropout(layer, x, **called)
    model = nn.ModuleDict({"mine": layer})
    model.forward = lambda x: layer(x, x, x, need_weights=need_weights, **called)
    found = looked(model, x)
    assert list(found) == ["attention/mine"]
    close(found["attention/mine"], summary(weights))


@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_of_one_sequence_and_of_other_keys(need_weights):
    torch.manual_seed(1)
    layer = nn.MultiheadAttention(8, 2, kdim=6, vdim=7)
    query, key, value = tensors((T, 8), (S, 6), (S, 7))
    weights = layer(query, key, value, average_attn_weights=False)[1]
    found = looked(layer, query, key, value, need_weights=need_weights)
    close(found["attention/"], summary(weights.detach()[None]))


def test_every_layer_of_a_transformer_in_training_has_its_heads():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
    found = looked(model, *tensors((B, T, 8)))
    assert list(found) == [f"attention/layers.{n}.self_attn" for n in range(2)]
    assert all(array.shape == (2, 2) for array in found.values())


class Twice(nn.Module):
    """Attends to itself and then to something else, in one module."""

    def forward(self, query, key):
        return sdpa(query, query, query), sdpa(query, key, key)


def test_two_attentions_of_one_module_are_told_apart_in_every_pass():
    query, key = tensors((B, H, T, E), (B, H, S, E))
    model, probe = nn.Sequential(), Attention()
    model.add_module("block", Twice())
    model.forward = model.block.__call__
    with listening(model, probe):
        model(query, key)
        model(query, key)
    found = arrays_of(probe)
    assert list(found) == ["attention/block", "attention/block[1]"]
    close(found["attention/block"], summary(weights_of(query, query)))
    close(found["attention/block[1]"], summary(weights_of(query, key)))


def test_calls_of_a_step_are_averaged_by_their_rows():
    (few, many, keys), model, probe = (
        tensors((2, H, 3, E), (B, H, T, E), (B, H, S, E)),
        Does(sdpa),
        Attention(),
    )
    with listening(model, probe):
        model(few, keys[:2], keys[:2])
        model(many, keys, keys)
    first, second = (summary(weights_of(q, keys[: len(q)])) for q in (few, many))
    close(arrays_of(probe)["attention/"], (2 * 3 * first + B * T * second) / (2 * 3 + B * T))
    assert arrays_of(probe) == {}


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("by_hand", [True, False])
def test_the_sample_of_long_sequences_is_near_the_truth(is_causal, by_hand):
    query, key = tensors((9, H, 300, 16), (9, H, 300, 16))
    weights = weights_of(query, key, causal=is_causal)
    if by_hand:
        found = looked(nn.Softmax(-1), weights.log().float())
    else:
        found = looked(Does(sdpa), query, key, key, is_causal=is_causal)
    close(found["attention/"], summary(weights), 0.04)


def test_the_sample_does_not_meet_the_same_columns_of_an_image_again_and_again():
    side = 32
    scores = torch.zeros(2, 1, side, side, side * side)
    scores[..., ::2, 0] = 1000  # the queries in even columns look at one key
    found = looked(nn.Softmax(-1), scores.flatten(2, 3))["attention/"]
    assert found[0, 0] == pytest.approx(0.5, abs=0.1)


class Made(TorchDispatchMode):
    """How many tensors are made, and the size of the largest."""

    count = size = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and not function.is_view:
            self.count += 1
            self.size = max(self.size, made.numel())
        return made


class Watched(Attention):
    """Says how large the largest tensor was that it made."""

    def __init__(self) -> None:
        super().__init__()
        self.made = Made()

    def ran(self, call) -> None:
        with self.made:
            super().ran(call)


@pytest.mark.parametrize("function", [sdpa, torch.softmax])
def test_what_is_held_of_very_long_sequences_is_bounded(function):
    query, key = tensors((4, 2, 20, 4), (4, 2, 50_000, 4))
    given = (query, key, key) if function is sdpa else (query @ key.mT / 2, -1)
    probe = Watched()
    (found,) = looked(Does(function), *given, probe=probe).values()
    assert SCORES / 4 < probe.made.size <= SCORES
    close(found, summary(weights_of(query, key)), 0.2)  # some five rows a head
    looked(Does(torch.softmax), torch.zeros(3, 20, 100_000), -1, probe=probe)
    assert probe.made.size <= SCORES


def test_large_keys_are_multiplied_piece_by_piece(monkeypatch):
    query, key = tensors((B, 6, T, E), (B, 3, S, E), dtype=torch.bfloat16)
    whole, pieces = Watched(), Watched()
    looked(Does(sdpa), query, key, key, probe=whole, enable_gqa=True)
    monkeypatch.setattr("probes.attention.KEYS", 2 * B * S * E)
    (found,) = looked(Does(sdpa), query, key, key, probe=pieces, enable_gqa=True).values()
    close(found, summary(weights_of(query, key, gqa=True)))
    assert pieces.made.count > whole.made.count


@pytest.mark.parametrize(("queries", "keys"), [(100, 100), (70, 40), (33, 90)])
def test_a_causal_mask_is_known_where_rows_are_sampled(queries, keys):
    query, key = tensors((2, H, queries, E), (2, H, keys, E))
    mask = torch.ones(queries, keys, dtype=torch.bool).tril()
    known = looked(Does(sdpa), query, key, key, is_causal=True)["attention/"]
    close(known, looked(Does(sdpa), query, key, key, attn_mask=mask)["attention/"], 1e-7)


@pytest.mark.parametrize("need_weights", [True, False])
def test_training_is_the_same_with_and_without(need_weights):
    def trained(look: bool):
        torch.manual_seed(3)
        layer = nn.MultiheadAttention(8, 2, dropout=0.5)
        (x,) = tensors((T, B, 8))
        if look:
            with listening(layer, Attention()):
                output = layer(x, x, x, need_weights=need_weights)[0]
        else:
            output = layer(x, x, x, need_weights=need_weights)[0]
        output.square().sum().backward()
        return output, layer.in_proj_weight.grad, torch.get_rng_state()

    for found, expected in zip(trained(look=True), trained(look=False), strict=True):
        assert torch.equal(found, expected)


def test_nothing_of_the_model_is_kept():
    probe, model = Attention(), Does(sdpa)
    query, key = tensors((B, H, T, E), (B, H, S, E))
    query.requires_grad_()
    with listening(model, probe):
        output = model(query, key, key)
    left = [weakref.ref(tensor) for tensor in (query, key, output)]
    del query, key, output
    gc.collect()
    assert [ref() for ref in left] == [None] * 3
    assert not arrays_of(probe)["attention/"].requires_grad


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_cannot_be_looked_at_is_named():
    (x,) = tensors((B, H, T, E))
    rows = [torch.randn(length, H, 8) for length in (3, 5)]
    ragged = torch.nested.nested_tensor(rows, layout=torch.jagged).transpose(1, 2)
    cases = {
        "nested tensor": (ragged, ragged, ragged, None),
        "CausalBias": (x, x, x, causal_lower_right(T, T)),
        "5 axes": (x[None], x[None], x[None], None),
    }
    for word, given in cases.items():
        probe = Attention()
        assert looked(Does(sdpa), *given, probe=probe) == {}
        assert list(probe.unfit) == [""]
        assert word in probe.unfit[""]


def test_more_heads_than_are_looked_at_are_named():
    probe, (x,) = Attention(), tensors((T, 2, 130))
    assert looked(nn.MultiheadAttention(130, 130), x, x, x, probe=probe) == {}
    assert "130 heads" in probe.unfit[""]


def test_a_softmax_of_three_axes_that_nobody_claims_is_looked_at_once():
    probe, model, (scores,) = Attention(), nn.Softmax(-1), tensors((2, 2, 100))
    counts = []
    for _ in range(2):
        with listening(model, probe), Made() as made:
            model(scores)
        counts.append(made.count)
    assert counts[0] > counts[1] == 1  # the softmax itself


STILL = {"hidden_dropout_prob": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0}  # not attention's


def bert(how: str):
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=32, attn_implementation=how, **STILL,
    )  # fmt: skip
    return transformers.BertModel(config), "encoder.layer.{}.attention.self"


def gpt2(how: str):
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        vocab_size=50, n_embd=24, n_layer=2, n_head=3, n_positions=16, bos_token_id=0,
        eos_token_id=0, attn_implementation=how, **STILL,
    )  # fmt: skip
    return transformers.GPT2Model(config), "h.{}.attn"


def llama(how: str):
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=24, num_hidden_layers=2, num_attention_heads=6,
        num_key_value_heads=2, intermediate_size=32, attn_implementation=how,
    )  # fmt: skip
    return transformers.LlamaModel(config), "layers.{}.self_attn"


@pytest.mark.parametrize("make", [bert, gpt2, llama])
@pytest.mark.parametrize("how", ["eager", "sdpa"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pad", [True, False])
def test_models_of_transformers_show_the_weights_they_output(make, how, training, pad):
    torch.manual_seed(0)
    model, place = make(how)
    for parameter in model.parameters():
        parameter.data.mul_(4)
    truth, _ = make("eager")
    truth.load_state_dict(model.state_dict())
    words = torch.arange(B * T).view(B, T)
    given = {"attention_mask": (~padded()).long()} if pad else {}
    weights = truth.eval()(words, output_attentions=True, **given).attentions
    found = looked(model.train(training), words, **given)
    assert list(found) == [f"attention/{place.format(n)}" for n in range(2)]
    for n in range(1 if training else 2):  # the second layer sees what dropout did to the first
        close(found[f"attention/{place.format(n)}"], summary(weights[n].detach()))
