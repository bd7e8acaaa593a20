"""A way past each hidden layer, where what goes in and what comes out have one shape."""

from __future__ import annotations

from torch import Tensor, nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import WEIGHTY, chain, put

ABOUT = About(("vanishing_gradient", "plateau", "underfitting"))
FEWEST = 2


class Residual(nn.Module):
    """What is given, plus what a layer makes of it."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)  # type: ignore[no-any-return]


def residual(case: Case) -> Proposals:
    """In a plain stack; where the layers are otherwise joined, it may be there already."""
    if not chain(case.course.model):
        return
    names = [name for name in case.hidden_activations if _keeps_shape(case, name)]
    if len(names) < FEWEST:
        return

    def make(course: Course) -> None:
        for name in names:
            layer = _before(case, name)
            parts = [course.model.get_submodule(part) for part in (layer, name)]
            put(course, name, nn.Identity())
            put(course, layer, Residual(nn.Sequential(*parts)))

    code = "x = x + activation(layer(x))  # for each hidden layer of one width"
    yield Change(f"a residual connection past {len(names)} layers", code, make)


def _keeps_shape(case: Case, name: str) -> bool:
    """Of what can be added up over layers: a sigmoid is never below nought."""
    layer = "" if isinstance(case.module(name), nn.Sigmoid) else _before(case, name)
    return bool(layer) and case.given_to(layer).shape == case.given_by(name).shape


def _before(case: Case, name: str) -> str:
    """The layer with weights right before a nonlinearity."""
    place = case.order.index(name)
    before = case.order[place - 1] if place else ""
    return before if before and isinstance(case.module(before), WEIGHTY) else ""
