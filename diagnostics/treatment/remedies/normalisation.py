"""Normalisation: after each hidden layer of a stack, before every layer of another model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import NORMS, chain, channels, groups_of, put

ABOUT = About(
    (
        *("exploding_gradient", "vanishing_gradient", "dead_relu", "bad_init_scale"),
        *("saturated_activations", "plateau", "attention_collapse"),
    )
)


def normalisation(case: Case) -> Proposals:
    """Where the model has none yet."""
    if len(case.weighty) < 2 or any(isinstance(m, NORMS) for m in case.course.model.modules()):
        return
    hidden = case.weighty[:-1]
    if chain(case.course.model):
        code = "nn.Linear(n, m), nn.LayerNorm(m), nn.ReLU()  # convolutions: nn.GroupNorm(8, m)"
        yield Change("a normalisation after each hidden layer", code, partial(_after, names=hidden))
    elif all(isinstance(case.module(name), nn.Linear) for name in case.weighty):
        code = "x = x + block(norm(x))  # norm = nn.LayerNorm(n), and one before the last layer"
        made = partial(_before, names=case.weighty[1:])
        yield Change("a LayerNorm before each layer but the first", code, made)


def _after(course: Course, names: tuple[str, ...]) -> None:
    _wrapped(course, names, lambda layer: nn.Sequential(layer, _norm(layer)))


def _before(course: Course, names: tuple[str, ...]) -> None:
    def wrap(layer: nn.Module) -> nn.Module:
        assert isinstance(layer, nn.Linear)
        return nn.Sequential(nn.LayerNorm(layer.in_features), layer)

    _wrapped(course, names, wrap)


def _wrapped(
    course: Course, names: tuple[str, ...], wrap: Callable[[nn.Module], nn.Module]
) -> None:
    for name in names:
        put(course, name, wrap(course.model.get_submodule(name)))


def _norm(layer: nn.Module) -> nn.Module:
    width = channels(layer)
    return (
        nn.LayerNorm(width)
        if isinstance(layer, nn.Linear)
        else nn.GroupNorm(groups_of(width), width)
    )
