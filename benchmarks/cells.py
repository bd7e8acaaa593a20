"""What is measured and what comes of it: a cell is one row of a table."""

from __future__ import annotations

from dataclasses import dataclass

NOTHING = float("nan")


@dataclass(frozen=True)
class Cell:
    """A tool on a model; with neither cadence nor budget, at the tool's own defaults."""

    model: str
    tool: str
    cadence: int | None
    steps: int
    budget: float | None = None

    @property
    def name(self) -> str:
        if self.tool == "bare":
            return self.tool
        if self.budget is not None:
            return f"{self.tool} within {100 * self.budget:g} %"
        when = "at its defaults" if self.cadence is None else f"every {self.cadence}"
        return f"{self.tool} {when}"


@dataclass(frozen=True)
class Figures:
    """What one cell came to; ratios are instrumented over bare, shares are of a bare step."""

    p20: float  # CPU time of the training thread
    median: float
    mean: float  # over recorded and idle steps: the amortised slow-down
    wall: float  # the same mean of wall time
    threads: float  # CPU of other threads
    children: float  # CPU of child processes
    bare_ms: float
    steps: float
    records: float
    bytes_per_record: float
    snapshots: float  # MB of whole weights, which are no part of a record
    close_s: float
    claimed: float  # share of training time that the tool says it cost; NaN if it does not say
    memory: float = NOTHING  # MB by which training has grown at its peak
    helpers: float = NOTHING  # MB of child processes at the end


@dataclass(frozen=True)
class Compiled:
    """What a tool leaves of torch.compile."""

    backend: str
    graphs: float  # distinct ones; one more than bare where the tool makes it compile twice
    breaks: float  # places where a graph had to end
    records: float
