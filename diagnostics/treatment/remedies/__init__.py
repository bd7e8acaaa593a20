"""Remedies: one file each, with what it is for and one function of the file's name.

The function looks at a Case and yields Changes; nothing, where it does not apply. What it is sent
back is the change's effect, so that a sweep goes on where it gets better.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from diagnostics.treatment.case import About, Case, Proposals


@dataclass(frozen=True)
class Remedy:
    """What a file of this folder holds."""

    name: str
    about: About
    propose: Callable[[Case], Proposals]


def remedies() -> dict[str, Remedy]:
    """Every remedy by its name: the folder is the registry."""
    return {name: _remedy(name) for name in sorted(m.name for m in pkgutil.iter_modules(__path__))}


def remedies_for(diseases: Iterable[str]) -> list[Remedy]:
    """What is tried for these: what mends a fault first, then what is for the first disease."""
    asked = list(diseases)
    found = [each for each in remedies().values() if {*each.about.diseases} & {*asked}]
    return sorted(found, key=lambda each: (not each.about.mends, _place(each, asked)))


def _place(remedy: Remedy, asked: list[str]) -> tuple[int, int]:
    """By the disease it is for, and by how near to its heart that disease is."""
    places = [
        (n, remedy.about.diseases.index(slug))
        for n, slug in enumerate(asked)
        if slug in remedy.about.diseases
    ]
    return min(places)


def _remedy(name: str) -> Remedy:
    module = importlib.import_module(f"{__name__}.{name}")
    return Remedy(name, module.ABOUT, getattr(module, name))
