"""What the figures of one model say in words, and whether they meet the goals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cells import Cell, Compiled, Figures

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTROL = 0.015  # a control further from 1 than this makes a model's figures inconclusive
LEAST = 0.005  # and no cost smaller than this is told from nothing, whatever the control says
DEFAULTS = 0.02  # goal: what Fathom may cost at its defaults
TIMES_LESS = {"mlp": 10, "resnet20": 6, "gpt": 10}  # goal: than each of these, at every step
RIVALS = ("wandb", "tensorboard")


class Verdict:
    """Compares Fathom's rows with those of the others."""

    def __init__(self, model: str, results: dict[Cell, Figures | str]) -> None:
        self.model = model
        good = {cell: f for cell, f in results.items() if isinstance(f, Figures)}
        self.of = {(cell.tool, cell.cadence): f for cell, f in good.items()}
        control = self.of.get(("bare", 1))
        off = [abs(x - 1) for x in (control.p20, control.median, control.mean)] if control else [0]
        self.error = max(off)
        self.floor = max(LEAST, self.error)

    def lines(self) -> Iterator[str]:
        if self.error > CONTROL:
            yield f"inconclusive: bare against bare is off by {100 * self.error:.1f} %"
        yield self.at_defaults()
        yield from (self.at_every_step(rival) for rival in RIVALS)
        for tool, cadence in self.of:
            if tool == "fathom" and cadence is not None:
                yield self.at_equal_cadence(cadence)

    def at_defaults(self) -> str:
        goal = f"goal: at its defaults fathom costs at most {DEFAULTS:.0%}"
        if ("fathom", None) not in self.of:
            return f"{goal}: not measured"
        f = self.of["fathom", None]
        cost, steps = f.mean - 1, f"{f.steps:.0f} steps, {f.records:.0f} of them recorded"
        return f"{goal}: {self.word(met=cost <= DEFAULTS)}, {cost:.1%} over {steps}"

    def at_every_step(self, rival: str) -> str:
        times = TIMES_LESS[self.model]
        goal = f"goal: at every step fathom costs {times} times less than {rival}"
        if not {("fathom", 1), (rival, 1)} <= self.of.keys():
            return f"{goal}: not measured"
        ours, theirs = self.of["fathom", 1].mean - 1, self.of[rival, 1].mean - 1
        least = theirs / max(ours, self.floor)
        if ours < self.floor and least < times:
            return f"{goal}: CANNOT BE TOLD, at least {least:.1f} times"
        return f"{goal}: {self.word(met=least >= times)}, {least:.1f} times"

    def word(self, *, met: bool) -> str:
        if self.error > CONTROL:
            return "INCONCLUSIVE"
        return "MET" if met else "MISSED"

    def at_equal_cadence(self, cadence: int) -> str:
        others = [tool for tool, k in self.of if k == cadence and tool not in ("bare", "fathom")]
        parts = [self.less(tool, cadence) for tool in others]
        return f"every {cadence}: fathom costs {'; '.join(parts) or 'what its row says'}"

    def less(self, tool: str, cadence: int) -> str:
        """How many times less than a tool; never more than the control allows to say."""
        theirs = self.of[tool, cadence].mean - 1
        ours = self.of["fathom", cadence].mean - 1
        if max(ours, theirs) < self.floor or abs(ours - theirs) < self.floor:
            return f"as much as {tool}, as far as can be told"
        if ours > theirs:
            most = "at least " if theirs < self.floor else ""
            return f"{most}{ours / max(theirs, self.floor):.1f} times MORE than {tool}"
        least = "at least " if ours < self.floor else ""
        return f"{least}{theirs / max(ours, self.floor):.1f} times less than {tool}"


def compiled(results: dict[str, Compiled | str]) -> Iterator[str]:
    """What Fathom does to a compiled model."""
    bare, ours = results.get("bare"), results.get("fathom")
    if isinstance(bare, Compiled) and isinstance(ours, Compiled):
        more, breaks = ours.graphs - bare.graphs, ours.breaks - bare.breaks
        yield f"compiled: fathom adds {more:+.0f} graphs and {breaks:+.0f} graph breaks"
