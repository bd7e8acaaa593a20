"""Where attention looks: how evenly each head spreads its weights, and how large the largest is.

The entropy of a row of weights is relative to the logarithm of the number of keys that the row
may look at: 1 is uniform, 0 is a single key. Rows with one key to look at, or none, have no
choice and are left out. Weights are those before dropout. All is of a sample, some 32 rows a
head, computed anew in float32: fused attention does not give its weights.
"""

from __future__ import annotations

import math
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from probes.probe import FunctionCall, Moment, Pass
from probes.sampling import fits

ROWS = 32  # looked at in a head, if the sequences are not very long
QUERIES = 16  # of one sequence, if there are others
SEQUENCES = 8
FLAT = 128  # sequences times heads, where it is not known yet which is which
SCORES = 1 << 20  # held at once: of very long sequences fewer rows are looked at
KEYS = 1 << 24  # elements of keys multiplied at once
TURNS = 16  # attentions of one module in one pass that are told apart
HIDING = -9000.0  # masks add -inf, the least finite number, -1e9, or -1e4 as bfloat16 rounds it
FAINT = -80.0  # a weight of exp(-80) is none, and no denormal number either

ABOUT = "[head, (entropy relative to uniform, largest weight)]"
_SOFTMAXES = (functional.softmax, torch.softmax, Tensor.softmax, torch.special.softmax)
_FUSED = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
_MULTI_HEAD = ("query", "key", "value", "embed_dim_to_check", "num_heads")


class Attention:
    """Fused attention, nn.MultiheadAttention, and softmax by hand over [batch, head, query, key].

    A module that attends several times in one pass has "name", "name[1]", …; passes are averaged.
    """

    series = "attention"
    state = "weights before dropout, in the step's forward passes"
    functions: frozenset[Callable[..., Any]] = frozenset(
        [
            functional.scaled_dot_product_attention,
            functional.multi_head_attention_forward,
            *_SOFTMAXES,
        ]
    )

    def __init__(self) -> None:
        self.unfit: dict[str, str] = {}  # modules whose attention cannot be looked at, and why
        self._sums: dict[str, Tensor] = {}  # [head, (entropy, largest weight, rows)]
        self._turns: Counter[str] = Counter()
        self._unclaimed: dict[str, Tensor] = {}  # rows whose heads only the caller knows
        self._no_heads: set[str] = set()  # modules whose softmax of three axes nobody claimed
        self._last: weakref.ref[Tensor] | None = None

    @torch.no_grad()
    def ran(self, call: FunctionCall) -> None:
        if call.function is functional.multi_head_attention_forward:
            self._claim(call)
        elif self._seen(call.output):
            return
        elif call.function is functional.scaled_dot_product_attention:
            self._fused(call)
        else:
            self._softmax(call)

    def passed(self, whole: Pass) -> None:
        """What a module does from here on is its first attention again."""
        self._no_heads |= self._unclaimed.keys()
        self._unclaimed.clear()
        self._turns.clear()

    def step(self, moment: Moment) -> None:
        for name, sums in self._sums.items():
            moment.array(f"attention/{name}", sums[:, :2] / sums[:, 2:], ABOUT)
        self._sums.clear()
        self._unclaimed.clear()
        self._turns.clear()

    def _fused(self, call: FunctionCall) -> None:
        given = _given(call, _FUSED)
        wrong = _wrong(given["query"], given["key"], given.get("attn_mask"))
        if wrong:
            self.unfit[call.name] = wrong
        elif _has_choice(given["query"], given["key"].shape[-2]):
            self._add(call.name, _fused_rows(given))

    def _softmax(self, call: FunctionCall) -> None:
        given = _given(call, ("input", "dim"))
        scores, axis = given["input"], given.get("dim")
        if scores.ndim not in (3, 4) or axis not in (-1, scores.ndim - 1):
            return
        if wrong := _wrong(scores):
            self.unfit[call.name] = wrong
        elif not _has_choice(scores, scores.shape[-1]):
            return
        elif scores.ndim == 4:
            self._add(call.name, _rows_of(scores))
        elif call.name not in self._no_heads:
            self._unclaimed[call.name] = _flat_rows(scores)

    def _seen(self, output: Tensor) -> bool:
        """functional.softmax is done by Tensor.softmax, and both are shown."""
        again = self._last is not None and self._last() is output
        self._last = weakref.ref(output)
        return again

    def _claim(self, call: FunctionCall) -> None:
        """nn.MultiheadAttention's own softmax is over [batch * head, query, key]."""
        rows = self._unclaimed.pop(call.name, None)
        if rows is None:  # it used fused attention, which was seen
            return
        heads = _given(call, _MULTI_HEAD)["num_heads"]
        sequences = rows.shape[0] // heads
        if sequences:
            self._add(call.name, rows[: sequences * heads].view(sequences, heads, -1, 3))
        else:
            self.unfit[call.name] = f"its {heads} heads are more than the {len(rows)} looked at"

    def _add(self, name: str, rows: Tensor) -> None:
        turn = min(self._turns[name], TURNS - 1)
        self._turns[name] += 1
        label, sums = f"{name}[{turn}]" if turn else name, rows.sum((0, 2))
        self._sums[label] = self._sums[label] + sums if label in self._sums else sums


def _given(call: FunctionCall, names: tuple[str, ...]) -> dict[str, Any]:
    """The arguments by name."""
    return dict(zip(names, call.inputs, strict=False)) | dict(call.keywords)


def _wrong(*tensors: Tensor | None) -> str | None:
    """Why these cannot be looked at, if they cannot."""
    for tensor in tensors:
        if tensor is None:
            continue
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.is_nested:
            kind = "nested tensor" if tensor.is_nested else type(tensor).__name__
            return f"its attention is given a {kind}; only plain tensors are looked at"
        if tensor.ndim > 4 or not (fits(tensor) or tensor.dtype is torch.bool):
            kind = f"{tensor.ndim} axes of {tensor.dtype}"
            return f"its attention is given a tensor of {kind}; up to 4 axes of floats are fit"
    return None


def _has_choice(queries: Tensor, keys: int) -> bool:
    return keys > 1 and queries.numel() > 0


def _fused_rows(given: dict[str, Any]) -> Tensor:
    """As scaled_dot_product_attention defines its weights; a causal mask begins at the top left."""
    alone = given["query"].ndim == 3 and not given.get("enable_gqa")  # [batch, query, channel]
    query, key = _four_axes(given["query"], alone), _four_axes(given["key"], alone)
    queries, keys, scale = query.shape[2], key.shape[2], given.get("scale")
    scale = query.shape[3] ** -0.5 if scale is None else scale
    shape = max(query.shape[0], key.shape[0]), max(query.shape[1], key.shape[1])
    steps = _steps(*shape, queries, keys)
    query, key = query.expand(*shape, -1, -1), key.expand(shape[0], -1, -1, -1)
    scores = _products(_thinned(query, steps).float() * scale, _thinned(key, (steps[0], 1)))
    allowed = None
    if (mask := given.get("attn_mask")) is not None:
        allowed = mask = _thinned(_four_axes(mask, alone), steps)
        if mask.dtype is not torch.bool:
            scores, allowed = scores + mask, mask > HIDING
    if given.get("is_causal"):
        position = torch.arange(_first(queries, steps[1]), queries, steps[1], device=scores.device)
        reached = torch.arange(keys, device=scores.device) <= position[:, None]
        allowed = reached if allowed is None else allowed & reached
    return _rows(scores, allowed)


def _rows_of(scores: Tensor) -> Tensor:
    return _visible(_thinned(scores, _steps(*scores.shape)))


def _flat_rows(scores: Tensor) -> Tensor:
    """Of the first sequences, as it is not known how many heads each has."""
    flat, queries, keys = scores.shape
    flat = min(flat, FLAT, max(1, SCORES // keys))
    step = _step(queries, min(QUERIES, SCORES // (flat * keys)))
    return _visible(_thinned(scores[None, :flat], (1, step)))[0]


def _visible(scores: Tensor) -> Tensor:
    return _rows(scores, scores > HIDING)


def _rows(scores: Tensor, allowed: Tensor | None) -> Tensor:
    """Of each row its relative entropy, its largest weight, and 1; zeros if it has no choice."""
    if allowed is not None:
        scores = torch.where(allowed, scores, -torch.inf)
    scores = scores.float()
    scores = (scores - scores.amax(-1, keepdim=True)).clamp_min_(FAINT)
    weights = scores.exp()
    total = weights.sum(-1)
    entropy = total.log() - (weights * scores).sum(-1) / total
    largest, one = total.reciprocal(), torch.ones_like(total)
    if allowed is None:
        return torch.stack([entropy / math.log(scores.shape[-1]), largest, one], -1)
    keys = allowed.sum(-1)
    rows = torch.stack([entropy / keys.log(), largest, one], -1)
    return torch.where((keys > 1)[..., None], rows, 0.0)


def _products(query: Tensor, key: Tensor) -> Tensor:
    """Of every query with every key, in float32; several heads may share a key's head."""
    batch, heads, queries, channels = query.shape
    grouped = query.reshape(batch, key.shape[1], -1, channels)
    at_once = max(1, KEYS // key[:, 0].numel())
    with torch.autocast(query.device.type, enabled=False):
        parts = [
            grouped[:, n : n + at_once] @ key[:, n : n + at_once].float().mT
            for n in range(0, key.shape[1], at_once)
        ]
    return torch.cat(parts, 1).view(batch, heads, queries, -1)


def _four_axes(tensor: Tensor, alone: bool) -> Tensor:
    """[batch, head, row, column]; of three axes the first is the batch if there is one head."""
    if tensor.ndim == 3 and alone:
        tensor = tensor.unsqueeze(1)
    return tensor[(None,) * (4 - tensor.ndim)]


def _steps(batch: int, heads: int, queries: int, keys: int) -> tuple[int, int]:
    """From sequence to sequence, and from query to query, so that the sample is small enough."""
    rows = min(ROWS, max(1, SCORES // (heads * keys)))
    sequences = min(batch, SEQUENCES, max(1, rows // min(queries, QUERIES)))
    return -(-batch // sequences), _step(queries, rows // sequences)


def _step(size: int, most: int) -> int:
    """Odd: an even step would meet the same columns of an image's rows again and again."""
    step = -(-size // max(1, most))
    return step if step == 1 else step | 1


def _first(size: int, step: int) -> int:
    """What is left over is left at both ends."""
    return (size - 1) % step // 2


def _thinned(tensor: Tensor, steps: tuple[int, int]) -> Tensor:
    """Every so many sequences and queries; an axis of one is shared by all."""
    batch, query = (
        slice(_first(size, step), None, step) if size > 1 else slice(None)
        for size, step in zip((tensor.shape[0], tensor.shape[2]), steps, strict=True)
    )
    return tensor[batch, :, query]
