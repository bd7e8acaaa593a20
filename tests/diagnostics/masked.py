"""Small networks whose dropout masks can be drawn by numpy, or all be counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from diagnostics.weight_space import About

ABOUT = About("digits", 300, "all of it", 5, 0, 1, "none", "float64", "k")
STANDARD_ERRORS = 4.5


def within(estimate, exact, *, most=STANDARD_ERRORS):
    """Is every number as near to the exact one as its own error says?"""
    return bool((np.abs(estimate.value - exact) <= most * estimate.error).all())


@dataclass(frozen=True)
class Fired:
    name: str
    op: str
    p: float
    times: int
    behind: str = ""


@dataclass(frozen=True)
class Guards:
    never: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    restless: float = 0.0
    gap: float = 0.0
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    values: Any
    plain: Any
    fired: tuple[Fired, ...]
    guards: Guards = Guards()
    how: str = "loop"
    seconds: float = 0.0


@dataclass
class Masked:
    """dropout(x) -> linear -> squash -> dropout -> linear, as a subject would draw from it."""

    x: Any  # [example, input]
    first: Any  # [hidden, input]
    second: Any  # [out, hidden]
    squash: Any = np.positive
    outer: Any = np.positive
    p: tuple[float, float] = (0.0, 0.3)
    about: About = ABOUT
    measures: tuple[str, ...] = ("loss",)
    classes: Any = None
    centre: Any = None
    never: tuple[str, ...] = ()  # dropouts that do not fire
    asked: list[Any] = field(default_factory=list)

    def of(self, inner=1.0, outer=1.0):
        """Predictions under masks that are scaled already."""
        return self.outer((self.squash((self.x * inner) @ self.first.T) * outer) @ self.second.T)

    def predict(self, point):
        plain = self.of()
        return [plain[:2], plain[2:]]

    def draws(self, count, *, seed=0, masks="independent", only=None, p=None):
        self.asked.append((count, seed, masks, only, p))
        random = np.random.default_rng(seed)
        names = ("inner", "outer")
        on = [n not in self.never and (only is None or n in only) for n in names]
        rates = [(rate if p is None else p) * fires for rate, fires in zip(self.p, on, strict=True)]
        rows = 1 if masks == "shared" else len(self.x)
        widths = (self.x.shape[1], self.first.shape[0])
        values = [
            self.of(*(self._mask(random, (rows, w), r) for w, r in zip(widths, rates, strict=True)))
            for _ in range(count)
        ]
        fired = tuple(
            Fired(name, "dropout", rate, count * fires, f"{name}.weight")
            for name, rate, fires in zip(names, self.p, on, strict=True)
        )
        return Drawn(np.array(values), self.of(), fired, Guards(self.never))

    @staticmethod
    def _mask(random, shape, rate):
        return (random.random(shape) >= rate) / (1 - rate)

    def counted(self):
        """Every mask of the outer dropout: predictions [mask, example, out], probabilities."""
        rate, hidden = self.p[1], self.first.shape[0]
        kept = np.array(list(product((0.0, 1.0), repeat=hidden)))
        chances = (rate ** (1 - kept) * (1 - rate) ** kept).prod(1)
        return np.array([self.of(1.0, mask / (1 - rate)) for mask in kept]), chances


def relu(h):
    return np.maximum(h, 0)


def masked(seed=0, examples=5, out=1, hidden=8, **changes):
    random = np.random.default_rng(seed)
    x, first = random.standard_normal((examples, 4)), random.standard_normal((hidden, 4))
    second = random.standard_normal((out, hidden)) / np.sqrt(hidden)
    return Masked(x, first, second, **changes)
