"""A nonlinearity of torch's own, in the place of a hand-written one that gives the same values."""

from __future__ import annotations

import torch
from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import ACTIVATIONS, put

ABOUT = About(("wrong_gradient",), mends=True)
KNOWN = (
    *(nn.Tanh, nn.Sigmoid, nn.ReLU, nn.GELU, nn.SiLU, nn.Softplus),
    *(nn.ELU, nn.SELU, nn.LeakyReLU, nn.Mish, nn.Softsign),
)


def built_in_activation(case: Case) -> Proposals:
    """Told by what it gives for the inputs it has."""
    found = {name: twin for name in case.order if (twin := _twin(case, name)) is not None}
    if not found:
        return

    def make(course: Course) -> None:
        for name, kind in found.items():
            put(course, name, kind())

    first = next(iter(found))
    old, new = type(case.module(first)).__name__, found[first].__name__
    code = f"nn.{new}()  # in the place of {old}(), whose backward is wrong"
    yield Change(f"nn.{new} for {old}", code, make)


def _twin(case: Case, name: str) -> type[nn.Module] | None:
    module = case.module(name)
    if isinstance(module, ACTIVATIONS) or next(module.parameters(), None) is not None:
        return None
    given, wanted = case.given_to(name), case.given_by(name)
    if given.shape != wanted.shape or torch.equal(given, wanted):
        return None
    for kind in KNOWN:
        if torch.allclose(kind()(given), wanted, rtol=1e-4, atol=1e-5):
            return kind
    return None
