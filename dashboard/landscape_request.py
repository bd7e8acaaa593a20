"""What may be asked of a landscape from a page: everything is one of a few choices, or a number."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from diagnostics.run import FathomError

if TYPE_CHECKING:
    from diagnostics.run import Run

T = TypeVar("T")

ALONG = {"random": "random", "trajectory": "the training's way", "eigenvectors": "eigenvectors"}
STATISTICS = {
    "running": "running",
    "batch": "the batch's own",
    "re-estimated": "re-estimated at each point",
}
RESOLUTIONS = (15, 25, 51, 101)
AXES = {"plane": "plane", "line": "line"}
MOST_SEED, MOST_REACH = 9999, 1e6
_SNAPSHOT = re.compile(r"r0000-s(\d{9,18})\.h5")


@dataclass(frozen=True)
class LandscapeRequest:
    """A landscape that can be computed."""

    along: str
    axes: str
    step: int
    seed: int
    reach: float | None  # None: as far as such directions ask for
    resolution: int
    statistics: str

    def command(self, run: Path) -> list[str]:
        """The arguments of `fathom`; the path is absolute, so that it is never an option."""
        command = ["analyse", "landscape", str(run.absolute())]
        command += [f"--along={self.along}", f"--step={self.step}", f"--seed={self.seed}"]
        command += [f"--resolution={self.resolution}", f"--statistics={self.statistics}"]
        command += [] if self.reach is None else [f"--reach={self.reach!r}"]
        return command + (["--line"] if self.axes == "line" else [])


def requested(asked: Mapping[str, Any], snapshots: Sequence[int]) -> LandscapeRequest:
    """What a page asked for, if it is something that may be asked."""
    return LandscapeRequest(
        along=_one_of("directions", asked.get("along"), tuple(ALONG)),
        axes=_one_of("shape", asked.get("axes"), tuple(AXES)),
        step=_one_of("centre", asked.get("step"), snapshots),
        seed=_seed(asked.get("seed")),
        reach=_reach(asked.get("reach")),
        resolution=_one_of("resolution", asked.get("resolution"), RESOLUTIONS),
        statistics=_one_of("statistics", asked.get("statistics"), tuple(STATISTICS)),
    )


def snapshot_steps(run: Run) -> tuple[int, ...]:
    """The steps that a landscape may be centred at, in order."""
    names = (path.name for path in (run.path / "snapshots").glob("r0000-s*.h5"))
    return tuple(sorted(int(found[1]) for name in names if (found := _SNAPSHOT.fullmatch(name))))


def _one_of(what: str, value: Any, known: Sequence[T]) -> T:
    for each in known:
        if type(value) is type(each) and value == each:
            return each
    there = ", ".join(map(str, known[:12])) or "none"
    raise FathomError(f"no {what} {value!r} (there are: {there})")


def _seed(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MOST_SEED:
        raise FathomError(f"the seed {value!r} is no whole number from 0 to {MOST_SEED}")
    return value


def _reach(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 < value <= MOST_REACH:
        raise FathomError(f"the span {value!r} is no number above 0; leave it empty to have it set")
    return float(value)
