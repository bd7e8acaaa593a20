"""What an address says of the page: which run, which part of it, and how it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

FIRST_PAGE = "overview"
_SMOOTHEST = 0.999


@dataclass(frozen=True)
class Address:
    """All that has to be known to show the same again."""

    page: str = FIRST_PAGE
    run: str = ""  # "": the latest
    step: int | None = None
    layer: str = ""
    views: tuple[str, ...] = ()  # which of the drawings that pictures offer
    scale: str = ""  # of the values: "linear" or "log"; "": as the picture finds best
    smooth: float = 0.0  # weight of what came before, below 1
    along: str = ""  # of runs compared: "step", "time" or "tokens"
    others: tuple[str, ...] = ()  # runs beside the first

    @classmethod
    def read(cls, told: Mapping[str, Any] | None) -> Address:
        """From what the browser has read off its address; what makes no sense is left out."""
        told = told or {}
        return cls(
            page=_text(told.get("page")) or FIRST_PAGE,
            run=_text(told.get("run")),
            step=_whole(told.get("step")),
            layer=_text(told.get("layer")),
            views=_texts(told.get("view")),
            scale=_text(told.get("scale")),
            smooth=_share(told.get("smooth")),
            along=_text(told.get("along")),
            others=_texts(told.get("with")),
        )

    def link(self, **changes: Any) -> str:
        """Where the same is seen with some of it otherwise."""
        there = replace(self, **changes)
        written = {
            "page": there.page,
            "run": there.run,
            "step": "" if there.step is None else str(there.step),
            "layer": there.layer,
            "scale": there.scale,
            "smooth": f"{there.smooth:g}" if there.smooth else "",
            "along": there.along,
        }
        pairs = [(name, value) for name, value in written.items() if value]
        pairs += [("view", view) for view in there.views]
        pairs += [("with", other) for other in there.others]
        return "?" + "&".join(f"{name}={quote(value, safe='/')}" for name, value in pairs)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(each for each in value if _text(each)) if isinstance(value, list) else ()


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _share(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1:
        return min(float(value), _SMOOTHEST)
    return 0.0
