"""More units in each hidden layer of a plain stack."""

from __future__ import annotations

from functools import partial

from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import ACTIVATIONS, DROPOUTS, NORMS, chain, hold

ABOUT = About(("underfitting",))
TIMES = (4, 16)


def wider(case: Case) -> Proposals:
    """Where it can be told how: linear layers, nonlinearities and normalisations in a row."""
    parts = chain(case.course.model)
    linear = [part for part in parts if isinstance(part, nn.Linear)]
    known = (nn.Linear, *ACTIVATIONS, *DROPOUTS, nn.LayerNorm, nn.BatchNorm1d)
    if len(linear) < 2 or not all(isinstance(part, known) for part in parts):
        return
    widths = [part.out_features for part in linear[:-1]]
    for times in TIMES:
        told = ", ".join(str(times * width) for width in widths)
        code = f"hidden = [{told}]  # units of the hidden layers, for {widths}"
        yield Change(f"hidden layers {times} times as wide", code, partial(_widened, times=times))


def _widened(course: Course, times: int) -> None:
    parts = chain(course.model)
    linear = [part for part in parts if isinstance(part, nn.Linear)]
    new: list[nn.Module] = []
    for part in parts:
        if isinstance(part, nn.Linear):
            ends = part is linear[0], part is linear[-1]
            new.append(_linear(part, *(1 if end else times for end in ends)))
        else:
            new.append(_norm(part, times) if isinstance(part, NORMS) else part)
    course.model = nn.Sequential(*new).to(linear[0].weight.device).train(course.model.training)
    hold(course, course.model.parameters())


def _linear(layer: nn.Linear, inside: int, outside: int) -> nn.Linear:
    has_bias = layer.bias is not None
    return nn.Linear(layer.in_features * inside, layer.out_features * outside, has_bias)


def _norm(norm: nn.Module, times: int) -> nn.Module:
    if isinstance(norm, nn.LayerNorm):
        return nn.LayerNorm(norm.normalized_shape[-1] * times)
    assert isinstance(norm, nn.BatchNorm1d)
    return nn.BatchNorm1d(norm.num_features * times)
