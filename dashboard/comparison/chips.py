"""The runs of a comparison as coloured chips: each is a link that takes it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dashboard.address import Address
from dashboard.markup import Element, element
from diagnostics.comparison import MOST

TIMES = "\u00d7"


def chips(address: Address) -> Element:
    """In the order of their colours; with the first gone the next one takes its place."""
    names = chosen(address)
    return element("div", "chips", *(_chip(address, names, place) for place in range(len(names))))


def chosen(address: Address) -> tuple[str, ...]:
    """The runs that an address compares, each once, and no more than can be told apart."""
    names = dict.fromkeys(name for name in (address.run, *address.others) if name)
    return tuple(names)[:MOST]


def without(address: Address, place: int) -> Address:
    """The comparison with one run less."""
    left = [name for n, name in enumerate(chosen(address)) if n != place]
    return replace(address, run=left[0] if left else "", others=tuple(left[1:]))


def _chip(address: Address, names: Sequence[str], place: int) -> Element:
    name = names[place]
    return element(
        "span",
        f"chip run-{place % 8}" + (" dashed" if place >= 8 else ""),
        element("span", "swatch"),
        element("a", "name", name, href=Address(run=name).link(), title=f"Open {name}"),
        element(
            "a",
            "remove",
            TIMES,
            href=without(address, place).link(),
            title=f"Take {name} out",
            **{"aria-label": f"Take {name} out of the comparison"},
        ),
    )
