"""What the black box wrote: where training was not finite for the first time, or what ended it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diagnostics.run import Run

EVENT = "black_box"


@dataclass(frozen=True)
class Layer:
    """What one layer gave in the forward pass concerned."""

    module: str
    type: str
    bad: int  # elements that are not finite
    count: int
    largest: float  # finite magnitude
    dtype: str


@dataclass(frozen=True)
class BlackBox:
    """One report."""

    step: int
    rank: int  # of the process that saw it
    where: str  # inputs | weights | forward | backward | loss | exception | unknown
    summary: str
    kind: str  # NaN, +inf, -inf; of an exception its class
    module: str | None  # "" is the model itself
    module_type: str
    after: str | None  # where it was in code between two layers
    before: str | None
    forward_pass: int | None  # of the step's, from 1
    passes: int | None
    input: str | None
    rows: tuple[int, ...]  # of the batch
    dtype: str
    autocast: str
    count: int  # elements of the first tensor that is not finite
    bad: int  # of these: not finite
    infinite: int  # of these: infinite
    order: tuple[Layer, ...]  # as the forward pass ran
    weights: tuple[str, ...]  # parameters that were not finite
    gradients: tuple[str, ...]
    skipped: int  # steps in a row that a GradScaler had left out
    note: str

    @property
    def layers(self) -> tuple[str, ...]:
        """Those concerned, the first one first."""
        named = (self.module, self.after, self.before)
        return tuple(dict.fromkeys(name for name in named if name))

    @property
    def is_passing(self) -> bool:
        """A step that a GradScaler left out, and that another loss scale may cure."""
        return self.skipped > 0 and self.where != "forward"

    @property
    def is_overflow(self) -> bool:
        """Was it the narrow range of float16?"""
        half = self.dtype == "float16" or (self.autocast == "float16" and self.where == "backward")
        return half and self.where in ("forward", "backward") and self.kind != "NaN"


def black_boxes(run: Run) -> tuple[BlackBox, ...]:
    """All reports that can be read, the earliest first; each rank may have written one."""
    events = (event for event in run.events if event.kind == EVENT)
    found = (_read(event.step, event.text) for event in events)
    return tuple(sorted((box for box in found if box is not None), key=lambda box: box.step))


def black_box(run: Run) -> BlackBox | None:
    """The first trouble whose place is known, or else the first.

    Steps that a GradScaler left out are no trouble while training goes on.
    """
    boxes = sorted(black_boxes(run), key=lambda box: (box.is_passing, box.where == "unknown"))
    return boxes[0] if boxes else None


def _read(step: int, text: str) -> BlackBox | None:
    """Whatever is damaged in it is taken for not there."""
    found = re.match(r"rank ([0-9]+): ", text)  # the run says whose event it is
    prefix, rank = (found[0], int(found[1])) if found else ("", 0)
    try:
        told = json.loads(text.removeprefix(prefix))
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    counts = _table(told.get("counts"))
    infinite = _number(counts.get("posinf")) + _number(counts.get("neginf"))
    return BlackBox(
        step,
        rank,
        _text(told.get("where")) or "unknown",
        _text(told.get("summary")) or f"step {step}: the black box's report is damaged.",
        _text(told.get("kind")),
        told["module"] if isinstance(told.get("module"), str) else None,
        _text(told.get("module_type")),
        _text(told.get("after")) or None,
        _text(told.get("before")) or None,
        _number(told.get("forward_pass")) or None,
        _number(told.get("passes")) or None,
        _text(told.get("input")) or None,
        tuple(_number(row) for row in _list(told.get("rows"))),
        _text(told.get("dtype")),
        _text(told.get("autocast")),
        _number(counts.get("count")),
        infinite + _number(counts.get("nan")),
        infinite,
        tuple(_layer(_table(entry)) for entry in _list(told.get("order"))),
        tuple(_text(_table(entry).get("name")) for entry in _list(told.get("weights"))),
        tuple(_text(_table(entry).get("name")) for entry in _list(told.get("gradients"))),
        _number(told.get("skipped")),
        _text(told.get("note")),
    )


def _layer(told: Mapping[str, Any]) -> Layer:
    return Layer(
        _text(told.get("module")),
        _text(told.get("type")),
        sum(_number(told.get(name)) for name in ("nan", "posinf", "neginf")),
        _number(told.get("count")),
        float(largest) if isinstance(largest := told.get("largest"), (int, float)) else 0.0,
        _text(told.get("dtype")),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
