"""Loss functions are listened to: which is called, with what, and what it gives.

Whoever calls one, as a module or a function, under whatever name it was imported, it looks up one
inner function at every call; that one is replaced while a recorder is attached. A loss of plain
arithmetic, GaussianNLLLoss among them, has none and is not heard.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import weakref
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import nn

from probes.probe import Pass

Heard = Callable[[Pass], None]

REDUCTIONS = ("none", "mean", "sum")  # by their numbers
NUMBERS = ("input", "target", "reduction")
CLASSES = ("input", "target", "weight", "reduction", "ignore_index", "label_smoothing")
WEIGHTED = ("input", "target", "weight", "pos_weight", "reduction")
MARGIN = ("input", "target", "p", "margin", "weight", "reduction")
PAIR = ("input", "other", "target", "margin", "reduction")
TRIPLET = ("input", "positive", "negative", "margin", "p", "eps", "swap", "reduction")
RATES = ("input", "target", "log_input", "full", "eps", "reduction")
SEQUENCES = ("input", "target", "lengths", "target_lengths", "blank", "reduction", "zero_infinity")


class Inner(NamedTuple):
    """What every call of a loss function comes down to."""

    owner: Any  # where it is looked up
    name: str
    kind: type[nn.Module]
    parameters: tuple[str, ...]  # in their order


_nn: Any = torch._C._nn
INNER = (
    Inner(_nn, "cross_entropy_loss", nn.CrossEntropyLoss, CLASSES),
    Inner(_nn, "nll_loss_nd", nn.NLLLoss, CLASSES[:-1]),
    Inner(_nn, "multi_margin_loss", nn.MultiMarginLoss, MARGIN),
    Inner(_nn, "mse_loss", nn.MSELoss, NUMBERS),
    Inner(_nn, "l1_loss", nn.L1Loss, NUMBERS),
    Inner(_nn, "smooth_l1_loss", nn.SmoothL1Loss, (*NUMBERS, "beta")),
    Inner(_nn, "huber_loss", nn.HuberLoss, (*NUMBERS, "delta")),
    Inner(_nn, "binary_cross_entropy", nn.BCELoss, CLASSES[:4]),
    Inner(torch, "binary_cross_entropy_with_logits", nn.BCEWithLogitsLoss, WEIGHTED),
    Inner(torch, "kl_div", nn.KLDivLoss, (*NUMBERS, "log_target")),
    Inner(torch, "poisson_nll_loss", nn.PoissonNLLLoss, RATES),
    Inner(torch, "cosine_embedding_loss", nn.CosineEmbeddingLoss, PAIR),
    Inner(torch, "margin_ranking_loss", nn.MarginRankingLoss, PAIR),
    Inner(torch, "triplet_margin_loss", nn.TripletMarginLoss, TRIPLET),
    Inner(torch, "ctc_loss", nn.CTCLoss, SEQUENCES),
)


class LossCalls:
    """While it listens, tells of every call, but of those that a compiler looks at."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard

    def listen(self, *, on: bool) -> None:
        """The functions stay replaced until it leaves: a compiler would compile anew each time."""
        if not on:
            _EARS.discard(self)
            return
        _EARS.add(self)
        if self not in _LISTENERS:
            _LISTENERS.add(self)
            _listen()

    def leave(self) -> None:
        _EARS.discard(self)
        _LISTENERS.discard(self)
        if not _LISTENERS:
            _stop_listening()


_LISTENERS: weakref.WeakSet[LossCalls] = weakref.WeakSet()
_EARS: set[LossCalls] = set()  # those that listen now: of a call that nobody hears this is all


def _heard(inner: Inner, original: Callable[..., Any]) -> Callable[..., Any]:
    """The function, and then word of its call."""
    module = inner.kind()

    @functools.wraps(original)
    def call(*given: Any, **keywords: Any) -> Any:
        if torch.compiler.is_compiling():
            return original(*given, **keywords)
        output = original(*given, **keywords)
        if _EARS:
            heard = _as_pass(inner, module, given, keywords, output)
            for listener in list(_EARS):
                listener.heard(heard)
        return output

    return call


def _as_pass(
    inner: Inner, module: nn.Module, given: tuple[Any, ...], keywords: dict[str, Any], output: Any
) -> Pass:
    """Its inputs are the loss's input and target; what else it was given goes by name."""
    named = dict(zip(inner.parameters, given, strict=False)) | keywords
    named["reduction"] = REDUCTIONS[named.get("reduction", 1)]
    inputs = tuple(named.pop(name) for name in ("input", "target") if name in named)
    return Pass(module, True, inputs, named, output)


_ORIGINAL = {inner: getattr(inner.owner, inner.name, None) for inner in INNER}
_REPLACED = {inner: _heard(inner, found) for inner, found in _ORIGINAL.items() if found}


def _listen() -> None:
    builtins = import_module("torch.jit._builtins")._get_builtin_table()
    for inner, replaced in _REPLACED.items():
        builtins[id(replaced)] = builtins.get(id(_ORIGINAL[inner]))  # a script takes it for that
        setattr(inner.owner, inner.name, replaced)


def _stop_listening() -> None:
    for inner in _REPLACED:
        setattr(inner.owner, inner.name, _ORIGINAL[inner])
    with contextlib.suppress(Exception):  # a compiler of another torch
        _teach_compiler()


def _teach_compiler() -> None:
    """One that was loaded in the meantime has met the replaced functions under those names."""
    rules: Any = sys.modules.get("torch._dynamo.trace_rules")
    if rules is None:
        return
    known = rules.get_torch_obj_rule_map()
    for inner, replaced in _REPLACED.items():
        if replaced in known:
            known.setdefault(_ORIGINAL[inner], known[replaced])
