"""A model's calls to random operations, taken over while it runs: told of, silenced or forced."""

from __future__ import annotations

import math
import types
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from torch import Tensor
from torch.overrides import TorchFunctionMode

from probes.program.chance import CALLS, GUESS, Chance

State = Literal["watched", "silenced", "forced"]
Call = Callable[..., Any]

NAN = float("nan")
DROPOUTS = {
    "dropout": "dropout.default",
    "dropout_": "dropout.default",
    "alpha_dropout": "alpha_dropout.default",
    "feature_alpha_dropout": "feature_alpha_dropout.default",
    "feature_dropout": "feature_dropout.default",
    "dropout1d": "feature_dropout.default",
    "dropout2d": "feature_dropout.default",
    "dropout3d": "feature_dropout.default",
}
RECURRENT = ("lstm", "gru", "rnn_tanh", "rnn_relu")
ATTENTION, HEADS = "scaled_dot_product_attention", "multi_head_attention_forward"
NOISE = (
    *("rand", "rand_like", "randn", "randn_like", "bernoulli", "bernoulli_", "normal", "normal_"),
    *("uniform_", "randint", "randperm", "multinomial", "exponential_"),
)


@dataclass
class Seen:
    """The random operations met, by name, in the order of the first pass."""

    times: Counter[str] = field(default_factory=Counter)
    ops: dict[str, tuple[str, float]] = field(default_factory=dict)  # what each is, and its p


class Forcing(TorchFunctionMode):
    """`path` is the module that runs now, as hooks keep it."""

    def __init__(
        self, state: State, chance: Chance, only: Sequence[str] | None, p: float | None
    ) -> None:
        super().__init__()
        self.state, self.chance, self._only, self._p = state, chance, only, p
        self.path: list[str] = [""]
        self.rates: dict[str, float] = {}  # what modules say that they drop, by path
        self.seen = Seen()
        self._here: Counter[str] = Counter()

    def begin(self) -> None:
        """Another pass."""
        self._here.clear()
        self.path[:] = [""]

    def __torch_function__(self, function: Call, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        if name in DROPOUTS:
            whole = partial(function, *args, **kwargs)
            return self._dropout(name, whole, _by_name(DROPPING, args, kwargs))
        if name == ATTENTION:
            return self._attention(function, _by_name(ATTENDING, args, kwargs))
        if name == HEADS:
            return self._heads(function, args, kwargs)
        if name in RECURRENT and not kwargs and len(args) == 9:
            return self._recurrent(name, function, args)
        if name in NOISE:
            return self._noise(name, args, function(*args, **kwargs))
        return function(*args, **kwargs)

    def _met(self, op: str, p: float) -> str:
        """A name for it, by the module that calls it."""
        place = self.path[-1] or op
        self._here[place] += 1
        name = place if self._here[place] == 1 else f"{place}#{self._here[place]}"
        self.seen.ops.setdefault(name, (op, p))
        return name

    def _share(self, op: str, p: float) -> float:
        """What is dropped now; 0: nothing."""
        if p == 0 or self.state == "silenced":
            return 0.0
        wanted = p if self._p is None else self._p
        name = self._met(op, wanted)
        if self._only is not None and name not in self._only:
            return 0.0
        self.seen.times[name] += 1
        self.chance.turn(name)
        return wanted

    def _dropout(self, name: str, whole: Call, given: dict[str, Any]) -> Any:
        x, p = given["input"], given.get("p", 0.5)
        if self.state == "watched":
            if given.get("training", "alpha" not in name):  # what each does when it is not told
                self._share(name, p)
            return whole()
        p = self._share(name, p)
        found = CALLS[DROPOUTS[name]](self.chance, GUESS, x, p, True) if p else x
        return x.copy_(found) if given.get("inplace") or name.endswith("_") else found

    def _attention(self, function: Call, given: dict[str, Any]) -> Any:
        p = self._share(ATTENTION, given.get("dropout_p", 0.0))
        if self.state == "watched":
            return function(**given)
        rest = dict(given)
        rest.pop("dropout_p", None)
        if not p:
            return function(**rest)
        parts = [rest.pop(key) for key in ("query", "key", "value")]
        mask, causal = rest.pop("attn_mask", None), rest.pop("is_causal", False)
        return CALLS[f"{ATTENTION}.default"](self.chance, GUESS, *parts, mask, p, causal, **rest)

    def _heads(self, function: Call, args: Any, kwargs: dict[str, Any]) -> Any:
        """torch's own code with dropout on, and what it calls in turn comes here."""
        if self.state != "watched":
            on = self.state == "forced"
            if len(args) > TRAINS:
                args = (*args[:TRAINS], on, *args[TRAINS + 1 :])
            else:
                kwargs = kwargs | {"training": on}
        with self:
            return _opened(function)(*args, **kwargs)

    def _recurrent(self, name: str, function: Call, args: Any) -> Any:
        packed = not isinstance(args[3], bool)
        at = PACKED if packed else UNPACKED
        fires = args[at] > 1 and (args[at + 2] or self.state != "watched")
        p = self._share(name, args[at + 1]) if fires else 0.0
        if self.state == "watched":
            return function(*args)
        args = (*args[: at + 1], p, bool(p), *args[at + 3 :])
        if packed or not p:  # of sequences of many lengths torch alone knows the layout
            return function(*args)
        return CALLS[f"{name}.input"](self.chance, 0 if args[8] else 1, *args)

    def _noise(self, name: str, args: Any, made: Tensor) -> Tensor:
        self.seen.times[self._met(name, NAN)] += 1
        if self.state == "forced" and self._p is not None and self._is_path(name, args):
            kept = 1 - self._p  # the model goes on to divide by what it would have kept itself
            made.bernoulli_(kept).mul_(args[1] / kept if kept else 0.0)
        rows = self.chance.rows
        axis = next((n for n, size in enumerate(made.shape) if size == rows), None)
        if self.state == "forced" and self.chance.shared and axis is not None:
            made.copy_(made.narrow(axis, 0, 1).clone().expand_as(made))
        return made

    def _is_path(self, name: str, args: Any) -> bool:
        """Is it a mask of stochastic depth, by the share that its module says it drops?"""
        rate = self.rates.get(self.path[-1], 0.0)
        told = name == "bernoulli_" and len(args) > 1 and isinstance(args[1], float)
        return told and rate > 0 and math.isclose(1 - args[1], rate, abs_tol=1e-9)


UNPACKED, PACKED = 4, 5  # the place of the number of layers; then come p and whether it trains
TRAINS = 13  # the place of that among the arguments of multi-head attention
DROPPING = ("input", "p", "training", "inplace")
ATTENDING = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


def _by_name(names: Sequence[str], args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    given = dict(zip(names, args, strict=False)) | kwargs
    return {"training" if key == "train" else key: value for key, value in given.items()}


def _opened(function: Any) -> Call:
    """The same code, which does not ask a second time whether somebody takes it over."""
    inside = function.__globals__ | {"has_torch_function": lambda _: False}
    code, defaults = function.__code__, function.__defaults__
    return types.FunctionType(code, inside, function.__name__, defaults, function.__closure__)
