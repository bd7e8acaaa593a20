"""Where two runs part, as elements of a page: when and in what first, and each layer's step."""

from __future__ import annotations

from dashboard.address import Address
from dashboard.comparison.parting_words import details, headline
from dashboard.markup import Element, element
from dashboard.wording import count
from diagnostics.parting import Difference, Parting

MOST_ROWS = 400  # of layers


def parting_told(found: Parting, names: tuple[str, str] | None = None) -> Element:
    """A card: green where they are the same; by the names that addresses have, with links."""
    kind = "healthy" if found.is_identical else "parting"
    return element(
        "article",
        f"parted {kind}",
        element("h3", "", f"{found.runs[1]} against {found.runs[0]}"),
        element("p", "first", headline(found)),
        *(element("p", "why", said) for said in details(found)),
        _look(found.first_tensor, names) if found.first_tensor and names else None,
        None if found.is_identical else _layers(found),
    )


def _look(first: Difference, names: tuple[str, str]) -> Element:
    """The layer at that step, in either run."""
    there = Address(page="layers", step=first.step, layer=first.layer)
    links = [element("a", "", f"in {name}", href=there.link(run=name)) for name in names]
    return element("p", "why", f"See step {first.step:,} ", links[0], " and ", links[1])


def _layers(found: Parting) -> Element:
    """When each layer parts, the earliest first; behind a fold."""
    far = f"by more than {found.rtol:g}"
    head = element("tr", "", *(element("th", "", t) for t in ("Layer", "differs from", far)))
    order = sorted(range(len(found.layers)), key=lambda n: _rank(found, n))[:MOST_ROWS]
    rows = [_row(found, n) for n in order]
    summary = f"{count(len(found.layers), 'layer')}, and the step at which each parts"
    table = element("table", "compared", element("thead", "", head), element("tbody", "", *rows))
    return element(
        "details", "quiet", element("summary", "", summary), element("div", "wide", table)
    )


def _rank(found: Parting, layer: int) -> tuple[float, float]:
    return _late(int(found.apart[layer])), _late(int(found.far[layer]))


def _late(step: int) -> float:
    return float("inf") if step < 0 else step


def _row(found: Parting, layer: int) -> Element:
    steps = (int(found.apart[layer]), int(found.far[layer]))
    cells = [element("td", "number", "never" if s < 0 else f"step {s:,}") for s in steps]
    return element("tr", "", element("td", "name", found.layers[layer]), *cells)
