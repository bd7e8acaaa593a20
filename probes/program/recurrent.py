"""Recurrent layers step by step, of operations that vmap and forward derivatives know.

torch's own `lstm`, `gru` and `rnn` are one operation each; vmap has no rule for them and oneDNN's
LSTM has no forward derivative. These give the same numbers (to rounding) and both.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def stepwise(op: str) -> Callable[..., Any] | None:
    return _STEPWISE.get(op)


def _lstm(  # noqa: PLR0913, PLR0917  (torch's own)
    x: Tensor,
    hx: list[Tensor],
    flat: list[Tensor],
    has_biases: bool,
    layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    torchs = _decompositions()
    params = torchs.gather_params(flat, has_biases, hx[0].size(2) != hx[1].size(2))
    how = (has_biases, layers, dropout, train, bidirectional, batch_first)
    hidden = list(zip(hx[0], hx[1], strict=True))
    out, last = torchs._rnn_helper(x, hidden, params, *how, torchs.one_layer_lstm)
    h, c = zip(*last, strict=True)
    return out, _stacked(h), _stacked(c)


def _decompositions() -> Any:
    """Theirs, in Python; loaded only where a recurrent layer is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch says of its own code
        from torch._decomp import decompositions

    return decompositions


def _stacked(parts: Any) -> Tensor:
    return torch.stack(list(parts), 0)


def _of_torch(name: str) -> Callable[..., Any]:
    def function(*args: Any) -> Any:
        return getattr(_decompositions(), name)(*args)

    return function


_STEPWISE: dict[str, Callable[..., Any]] = {
    "lstm.input": _lstm,
    "gru.input": _of_torch("gru_impl"),
    "rnn_tanh.input": _of_torch("rnn_tanh_input"),
    "rnn_relu.input": _of_torch("rnn_relu_input"),
}
