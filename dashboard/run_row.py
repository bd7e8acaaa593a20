"""A run as a line of a list: everything from small files, no recording is opened for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dashboard.sparkline import Sparkline, sparkline
from diagnostics.highlights import course_of, extremes_of, last_values
from diagnostics.runs import is_stale, state_of
from diagnostics.scalar_names import is_score, named

if TYPE_CHECKING:
    from diagnostics.listing import Listing

LONG = 100  # letters of a name; a stranger's may have thousands
SHOWN = 24  # scalars whose last values can be filtered by
RATE = "optimizer/0/lr"


@dataclass(frozen=True)
class Value:
    """What a scalar came to, and how good it ever was."""

    name: str
    last: float
    best: float | None


@dataclass(frozen=True)
class RunRow:
    """One line. `state`: running, stale, finished, failed, killed or unreadable."""

    name: str  # relative to the folder that is shown
    path: Path
    state: str
    reason: str = ""  # why it cannot be read
    steps: int = 0
    started: str = ""
    began: float = 0.0  # the same in seconds since 1970; 0: not known
    updated: float = 0.0
    model: str = ""
    parameters: int = 0
    loss: Value | None = None
    validation: Value | None = None
    score: Value | None = None
    values: Mapping[str, float] = field(default_factory=dict)  # the last ones
    curve: Sparkline | None = None  # of the loss, or of what else was logged first
    curve_name: str = ""
    listing: Listing | None = None  # its verdicts; None: not examined yet
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """All that a row is made of, as it was read."""

    name: str
    path: Path
    info: Mapping[str, Any]
    summary: dict[str, Any]
    listing: Listing | None
    tags: tuple[str, ...]


def run_row(known: Known) -> RunRow:
    """Older summaries know less; their listing fills in what it can."""
    info, summary, model = known.info, known.summary, known.info.get("model")
    model = model if isinstance(model, dict) else {}
    highlights = summary if "outlines" in summary else _highlights(known.listing)
    last = last_values(summary)
    kinds = named(last)
    any_score = kinds.score or tuple(name for name in last if is_score(name))
    curve = next(iter(kinds.training or kinds.validation or tuple(last)), "")
    course = course_of(highlights, curve)
    return RunRow(
        name=known.name,
        path=known.path,
        state=state_now(known),
        steps=int(summary.get("steps", 0)),
        started=str(info.get("started", "")),
        began=seconds(info.get("started")),
        updated=float(summary.get("updated", 0.0)),
        model=str(model.get("class") or "")[:LONG],
        parameters=_whole(model.get("parameters")),
        loss=_value(highlights, last, kinds.training),
        validation=_value(highlights, last, kinds.validation),
        score=_value(highlights, last, any_score),
        values=_shown(last, summary),
        curve=sparkline(course) if course else None,
        curve_name=curve[:LONG],
        listing=known.listing,
        tags=known.tags,
    )


class Kept(Protocol):
    """A run, whether it is open or only known from its small files."""

    @property
    def path(self) -> Path: ...

    @property
    def info(self) -> Mapping[str, Any]: ...

    @property
    def summary(self) -> dict[str, Any]: ...


def state_now(known: Kept) -> str:
    """A live run may be lost, or hang, without a file of it changing."""
    state = state_of(known.path, known.summary)
    is_late = is_stale(known.summary, seconds(known.info.get("started")), time.time())
    return "stale" if state == "running" and is_late else state


def seconds(started: object) -> float:
    """An ISO time in seconds since 1970; 0 where it is none."""
    try:
        return datetime.fromisoformat(str(started)).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _highlights(listing: Listing | None) -> Mapping[str, Any]:
    return listing.highlights if listing else {}


def _value(
    highlights: Mapping[str, Any], last: Mapping[str, float], names: tuple[str, ...]
) -> Value | None:
    """The first of its kind."""
    if not names:
        return None
    extremes = extremes_of(highlights, names[0])
    best = extremes[is_score(names[0])] if extremes else None
    return Value(names[0][:LONG], last[names[0]], best)


def _shown(last: Mapping[str, float], summary: Mapping[str, Any]) -> dict[str, float]:
    values = {name: last[name] for name in list(last)[:SHOWN] if len(name) <= LONG}
    scalars = summary.get("scalars")
    rate = scalars.get(RATE) if isinstance(scalars, dict) else None
    return {"lr": rate, **values} if isinstance(rate, float) else values


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
