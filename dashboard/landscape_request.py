"""What may be asked of a landscape from a page: everything is one of a few choices, or a number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from diagnostics.run import FathomError

T = TypeVar("T")

TOWARDS, HELD_OUT, CLASSES = "towards", "held-out", "classes"
ALONG = {
    "random": "random",
    "trajectory": "the training's way",
    "eigenvectors": "eigenvectors",
    TOWARDS: "towards another snapshot",
}
ALSO = {HELD_OUT: "held-out data", CLASSES: "each class"}  # besides the loss of the batch
STATISTICS = {
    "running": "running",
    "batch": "the batch's own",
    "re-estimated": "re-estimated at each point",
}
RESOLUTIONS = (15, 25, 51, 101)
AXES = {"plane": "plane", "line": "line"}
MOST_SEED, MOST_REACH = 9999, 1e6


@dataclass(frozen=True)
class LandscapeRequest:
    """A landscape that can be computed."""

    along: str
    axes: str
    step: int
    target: int | None  # the snapshot to go towards, if that is the direction
    seed: int
    reach: float | None  # None: as far as such directions ask for
    resolution: int
    statistics: str
    also: tuple[str, ...]

    def command(self, run: Path) -> list[str]:
        """The arguments of `fathom`; the path is absolute, so that it is never an option."""
        command = ["analyse", "landscape", str(run.absolute())]
        elsewhere = self.target is not None
        command += [f"--towards={self.target}" if elsewhere else f"--along={self.along}"]
        command += [f"--step={self.step}", f"--seed={self.seed}"]
        command += [f"--resolution={self.resolution}", f"--statistics={self.statistics}"]
        command += [] if self.reach is None else [f"--reach={self.reach!r}"]
        flags = {"--line": self.axes == "line", "--by-class": CLASSES in self.also}
        flags["--held-out"] = HELD_OUT in self.also
        return command + [flag for flag, wanted in flags.items() if wanted]


def requested(
    asked: Mapping[str, Any], snapshots: Sequence[int], *, held_out: bool
) -> LandscapeRequest:
    """What a page asked for, if it is something that may be asked of a run with such snapshots."""
    along = _one_of("directions", asked.get("along"), tuple(ALONG))
    step = _one_of("centre", asked.get("step"), snapshots)
    others = [each for each in snapshots if each != step]
    return LandscapeRequest(
        along=along,
        axes=_one_of("shape", asked.get("axes"), tuple(AXES)),
        step=step,
        target=_one_of("other snapshot", asked.get("target"), others) if along == TOWARDS else None,
        seed=_seed(asked.get("seed")),
        reach=_reach(asked.get("reach")),
        resolution=_one_of("resolution", asked.get("resolution"), RESOLUTIONS),
        statistics=_one_of("statistics", asked.get("statistics"), tuple(STATISTICS)),
        also=_several_of("data", asked.get("also"), also_of(held_out=held_out)),
    )


def also_of(*, held_out: bool) -> tuple[str, ...]:
    """What a run offers besides the loss of its batch."""
    return tuple(each for each in ALSO if held_out or each != HELD_OUT)


def _one_of(what: str, value: Any, known: Sequence[T]) -> T:
    for each in known:
        if type(value) is type(each) and value == each:
            return each
    raise FathomError(f"no {what} {value!r:.60} (there are: {_told(known)})")


def _told(known: Sequence[Any]) -> str:
    return ", ".join(map(str, known[:12])) or "none"


def _several_of(what: str, values: Any, known: Sequence[T]) -> tuple[T, ...]:
    """None, some or all, each once."""
    if type(values) is not list or len(values) > len(known):
        raise FathomError(f"{values!r:.60} is no list of {what} (there are: {_told(known)})")
    return tuple(dict.fromkeys(_one_of(what, value, known) for value in values))


def _seed(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_SEED:
        raise FathomError(f"the seed {value!r:.60} is no whole number from 0 to {MOST_SEED}")
    return value


def _reach(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 < value <= MOST_REACH:
        raise FathomError(
            f"the span {value!r:.60} is no number above 0; leave it empty to have it set"
        )
    return float(value)
