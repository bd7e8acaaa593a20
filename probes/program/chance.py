"""Random operations with generators of their own: torch's global one is never asked.

Each example of a batch gets a mask of its own, or all of them share one; and many draws may lie
one after the other along the batch's axis. With shared masks each draw has its own seed, so that
a seed stands for the same functions on whatever data.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from probes.program.form import Node
from probes.program.interpreter import Evaluation
from probes.program.streams import Stream

GUESS = -1  # the batch's axis is the first of its length; or the first, with heads, say, inside
Fill = Callable[[Tensor, torch.Generator], Tensor]
_ALPHA = 1.7580993408473766  # of torch's alpha dropout: where SELU saturates, negated


@dataclass
class Chance:
    """Where masks come from while draws are made."""

    rows: int  # examples in a batch
    shared: bool = False
    draws: int = 1  # that lie one after the other in this pass
    generators: list[torch.Generator] = field(default_factory=list)  # of shared masks: by draw
    fired: Counter[str] = field(default_factory=Counter)  # draws, by reference
    counts: bool = True  # does this pass have draws that were not met yet?
    _seed: int | None = None
    _streams: dict[tuple[str, int], Stream] = field(default_factory=dict)
    _turn: tuple[str, int] = ("", 0)

    def seed(self, seeds: Sequence[int], device: torch.device) -> None:
        """For the draws of the next pass; the masks of examples go on from the first seed."""
        self.draws = len(seeds)
        if not self.shared:
            self._seed = seeds[0] if self._seed is None else self._seed
            return
        while len(self.generators) < len(seeds):
            self.generators.append(torch.Generator(device))
        for generator, seed in zip(self.generators, seeds, strict=False):
            generator.manual_seed(seed)

    def take(self, node: Node, axis: int | None, *args: Any, **kwargs: Any) -> Any:
        """In the place of a random operation; `axis` is the batch's."""
        self.fired[node.reference] += self.draws * self.counts
        self.turn(node.reference)
        return CALLS[node.op](self, axis, *args, **kwargs)

    def turn(self, name: str) -> None:
        """Each operation has numbers of its own: those of a draw do not depend on the next ones."""
        self._turn = (name, 0)

    def _stream(self) -> Stream:
        name, nth = key = self._turn
        self._turn = (name, nth + 1)
        if key not in self._streams:
            self._streams[key] = Stream((self._seed or 0, len(self._streams)))
        return self._streams[key]

    def drawn(self, like: Tensor, shape: Sequence[int], axis: int | None, fill: Fill) -> Tensor:
        """Numbers of this shape."""
        if not self.shared:
            first, place = _by_draws(shape, axis)
            found, own = like.new_empty(first), self._stream().generator(like.device)
            for part in found.chunk(self.draws) if self.draws > 1 else (found,):
                fill(part, own)  # draw by draw: how torch takes numbers depends on how many
            return found.movedim(0, place).contiguous()
        axis = self._guessed(shape) if axis == GUESS else axis
        if axis is None or shape[axis] % (self.rows * self.draws):  # not the batch's: one for all
            return fill(like.new_empty(shape), self.generators[0])
        inner = shape[axis] // (self.rows * self.draws)  # such as the heads of an example
        before, after = tuple(shape[:axis]), tuple(shape[axis + 1 :])
        one = (*before, 1, 1, inner, *after)
        each = self.generators[: self.draws]
        found = torch.cat([fill(like.new_empty(one), own) for own in each], len(before))
        return found.expand(*before, self.draws, self.rows, inner, *after).reshape(*shape)

    def _guessed(self, shape: Sequence[int]) -> int | None:
        length = self.rows * self.draws
        exact = (n for n, size in enumerate(shape) if size == length)
        return next(exact, 0 if shape and shape[0] % length == 0 else None)

    def kept(self, like: Tensor, shape: Sequence[int], axis: int | None, p: float) -> Tensor:
        """One where something is kept, else zero."""
        if self.shared or like.device.type != "cpu":
            return self.drawn(like, shape, axis, lambda t, own: t.bernoulli_(1 - p, generator=own))
        first, place = _by_draws(shape, axis)
        return self._stream().kept(like, first, place, p)

    def scaled(self, like: Tensor, shape: Sequence[int], axis: int | None, p: float) -> Tensor:
        """Zero where something falls; else what makes up for it."""
        kept = self.kept(like, shape, axis, p)
        return kept / (1 - p) if p < 1 else kept

    def dropout(self, x: Tensor, p: float, axis: int | None) -> Tensor:
        if not p:
            return x
        if self.shared:  # one number of the mask lies behind many
            return x * self.scaled(x, x.shape, axis, p)
        kept = self.kept(x, x.shape, axis, p).mul_(x)
        return kept.mul_(1 / (1 - p)) if p < 1 else kept


def _by_draws(shape: Sequence[int], axis: int | None) -> tuple[tuple[int, ...], int]:
    """The batch's axis first, so that numbers come draw by draw, and where it belongs."""
    place = axis if axis is not None and axis > 0 else 0
    return (*shape[place : place + 1], *shape[:place], *shape[place + 1 :]), place


def _dropout(chance: Chance, axis: int | None, x: Tensor, p: float, _train: bool) -> Tensor:
    return chance.dropout(x, p, axis)


def _features(x: Tensor) -> tuple[int, ...]:
    """One number for each channel of each example."""
    return (*x.shape[:2], *(1 for _ in x.shape[2:]))


def _feature_dropout(chance: Chance, axis: int | None, x: Tensor, p: float, _train: bool) -> Tensor:
    return x * chance.scaled(x, _features(x), axis, p) if p else x


def _alpha_dropout(chance: Chance, axis: int | None, x: Tensor, p: float, _train: bool) -> Tensor:
    return _alpha(x, chance.kept(x, x.shape, axis, p), p) if p else x


def _feature_alpha_dropout(
    chance: Chance, axis: int | None, x: Tensor, p: float, _train: bool
) -> Tensor:
    return _alpha(x, chance.kept(x, _features(x), axis, p), p) if p else x


def _alpha(x: Tensor, kept: Tensor, p: float) -> Tensor:
    """What is dropped goes to the low end of SELU, and mean and variance stay."""
    if p == 1:
        return x * 0
    scale = 1 / math.sqrt((_ALPHA**2 * p + 1) * (1 - p))
    return x * (kept * scale) + (kept - 1 + p) * (_ALPHA * scale)


def _attention(  # noqa: PLR0913, PLR0917  (torch's own)
    chance: Chance,
    axis: int | None,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Written out: torch's own takes no generator, and no mask of what it drops."""
    if enable_gqa:
        groups = query.shape[-3] // key.shape[-3]
        key, value = (part.repeat_interleave(groups, -3) for part in (key, value))
    scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        later = scores.new_ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    found: Tensor = chance.dropout(_seen(scores, mask), p, axis) @ value
    return found


def _seen(scores: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return scores.softmax(-1)
    if mask.dtype is torch.bool:
        mask = torch.zeros_like(mask, dtype=scores.dtype).masked_fill(~mask, -torch.inf)
    scores = scores + mask
    blind = scores.amax(-1, keepdim=True) == -torch.inf  # who sees nothing is given nothing
    return scores.softmax(-1).masked_fill(blind, 0.0)


def _recurrent(name: str) -> Callable[..., Any]:
    def layers(  # noqa: PLR0913, PLR0917  (torch's own)
        chance: Chance,
        axis: int | None,
        x: Tensor,
        hidden: Any,
        flat: list[Tensor],
        has_biases: bool,
        depth: int,
        p: float,
        _train: bool,
        both_ways: bool,
        batch_first: bool,
    ) -> Any:
        """One layer at a time, with dropout between them."""
        run = getattr(torch.ops.aten, name).input
        ways, each = 1 + both_ways, len(flat) // depth
        last = []
        for n in range(depth):
            start = [part[n * ways : (n + 1) * ways] for part in _listed(hidden)]
            own = flat[n * each : (n + 1) * each]
            state = start if name == "lstm" else start[0]
            x, *states = run(x, state, own, has_biases, 1, 0.0, False, both_ways, batch_first)
            last.append(states)
            x = x if n == depth - 1 else chance.dropout(x, p, axis)
        return (x, *(torch.cat(parts) for parts in zip(*last, strict=True)))

    return layers


def _listed(hidden: Any) -> list[Tensor]:
    return [hidden] if isinstance(hidden, Tensor) else list(hidden)


def _rrelu(
    chance: Chance, axis: int | None, x: Tensor, lower: float, upper: float, _train: bool
) -> Tensor:
    slopes = chance.drawn(x, x.shape, axis, lambda t, own: t.uniform_(lower, upper, generator=own))
    return torch.where(x >= 0, x, x * slopes)


def _uniform(t: Tensor, own: torch.Generator) -> Tensor:
    return t.uniform_(generator=own)


def _normal(t: Tensor, own: torch.Generator) -> Tensor:
    return t.normal_(generator=own)


def _bernoulli(chance: Chance, axis: int | None, x: Tensor, p: float | None = None) -> Tensor:
    if p is not None:
        return chance.kept(x, x.shape, axis, 1 - p)
    return (chance.drawn(x, x.shape, axis, _uniform) < x).to(x.dtype)


def _like(fill: Fill) -> Callable[..., Tensor]:
    def made(chance: Chance, axis: int | None, x: Tensor, **how: Any) -> Tensor:
        like = torch.empty(0, dtype=how.get("dtype") or x.dtype, device=x.device)
        return chance.drawn(like, x.shape, axis, fill)

    return made


def _of_size(fill: Fill) -> Callable[..., Tensor]:
    def made(chance: Chance, axis: int | None, size: list[int], **how: Any) -> Tensor:
        return chance.drawn(torch.empty(0, **how), size, axis, fill)

    return made


CALLS: dict[str, Callable[..., Any]] = {
    "dropout.default": _dropout,
    "feature_dropout.default": _feature_dropout,
    "alpha_dropout.default": _alpha_dropout,
    "feature_alpha_dropout.default": _feature_alpha_dropout,
    "scaled_dot_product_attention.default": _attention,
    "lstm.input": _recurrent("lstm"),
    "gru.input": _recurrent("gru"),
    "rnn_tanh.input": _recurrent("rnn_tanh"),
    "rnn_relu.input": _recurrent("rnn_relu"),
    "rrelu.default": _rrelu,
    "bernoulli.default": _bernoulli,
    "bernoulli.p": _bernoulli,
    "rand.default": _of_size(_uniform),
    "randn.default": _of_size(_normal),
    "rand_like.default": _like(_uniform),
    "randn_like.default": _like(_normal),
}


def seeds(seed: int | Sequence[int], count: int) -> list[int]:
    """One for each draw; more draws begin with the same ones."""
    return [int(n) >> 1 for n in np.random.SeedSequence(seed).generate_state(count, np.uint64)]


def bound(
    evaluation: Evaluation, drawing: dict[str, Node], axes: dict[str, int | None], chance: Chance
) -> Evaluation:
    """The random operations by our own means."""
    steps = tuple(
        replace(s, call=partial(chance.take, drawing[s.reference], axes[s.reference]))
        if s.reference in drawing
        else s
        for s in evaluation.steps
    )
    return replace(evaluation, steps=steps)
