"""The random rest of a program, run some draws at a time, or some examples of one.

What lies in a pass is to fit a processor's cache. Whether draws, or examples, feel one another is
tried on a few examples, once for each shape that an example has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from probes.folder import ProgramError
from probes.program.batching import batched
from probes.program.chance import GUESS, Chance, bound, seeds
from probes.program.form import Node, Program
from probes.program.growth import SEEN, Growth, check_sizes, watched
from probes.program.interpreter import Evaluation
from probes.program.portions import PREDICTIONS
from probes.program.stacking import first, joined, longer, near, other, parted

ROWS, NUMBERS = 1 << 11, 3 << 17  # of a pass, and of its largest result, up to which more pay
ON_DEVICE = 1 << 4  # times as many on an accelerator
LEAST = 64  # examples, of which a pass is not made smaller
TRIED = 4  # draws, on which it is seen whether they feel one another
ASLEEP = 1e-3  # weights below this: a gate that has not opened yet
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Parts:
    """Of a program: what comes before all chance, and the rest with chance and without."""

    before: Evaluation
    after: Evaluation
    calm: Evaluation


@dataclass(frozen=True)
class Given:
    """What the rest is run with."""

    weights: Tensors
    batch: Tensors
    frontier: Mapping[str, Any]  # what it takes of that before


@dataclass(frozen=True)
class Taken:
    """What is in a pass: some draws of all examples, or one of some."""

    draws: int = 1
    examples: int | None = None

    @property
    def how(self) -> str:
        if self.draws > 1:
            return f"stacked by {self.draws}"
        return "loop" if self.examples is None else f"loop over {self.examples} examples"


class Passes:
    """It remembers what it has found out about the shapes of a batch."""

    def __init__(
        self, program: Program, parts: Parts, drawing: dict[str, Node], alone: frozenset[str]
    ) -> None:
        """`drawing` are the random operations, `alone` what follows from weights alone."""
        self._program, self._parts, self._drawing, self._alone = program, parts, drawing, alone
        self._growth = Growth(program, parts.before, parts.calm)
        self._batched = batched(program.tensors.values())
        self._trusted: dict[Any, bool] = {}
        self._shareable = set[Any]()  # shapes of examples that may share a mask
        self._met = set[Any]()  # these, and how many lay in a pass: results were as foretold

    def rows(self, batch: Tensors) -> int:
        """Examples in a batch."""
        return next((len(batch[name]) for name in self._batched), self._program.batch)

    def run(self, given: Given, chance: Chance, own: list[int], taken: Taken) -> Tensor:
        """[draw, example, ...]"""
        axes = self._axes(given)
        evaluate = bound(self._parts.after, self._drawing, axes, chance)
        device = next(iter(given.batch.values())).device
        values = torch.empty(0)
        ready: dict[int, list[Any]] = {}
        for start in range(0, len(own), taken.draws):
            now = own[start : start + taken.draws]
            if len(now) not in ready:
                ready[len(now)] = self._passes(given, len(now), taken.examples)
            parts = []
            for n, (examples, frontier) in enumerate(ready[len(now)]):
                chance.seed(now, device)
                chance.rows, chance.counts = examples, n == 0
                parts.append(self._result(evaluate, given, frontier, len(now) * examples))
            found = torch.cat(parts) if len(parts) > 1 else parts[0]
            found = found.reshape(len(now), -1, *found.shape[1:])
            if not start:
                values = found.new_empty((len(own), *found.shape[1:]))
            values[start : start + len(now)] = found
        return values

    def _result(
        self, evaluate: Evaluation, given: Given, frontier: Mapping[str, Any], rows: int
    ) -> Tensor:
        """The first time that so many examples lie in a pass, sizes are held to those foretold."""
        sizes, key = self._sizes(given, rows), (self._growth.kind(given.batch), rows)
        if sizes and key not in self._met:
            evaluate = watched(evaluate, sizes)
        found = evaluate(given.weights, frontier)[PREDICTIONS]
        self._met.add(key)
        return found

    def forget(self, given: Given) -> None:
        """Shapes that were learnt are wrong: such batches are drawn one draw at a time."""
        self._growth.forget(given.batch)

    def _passes(self, given: Given, draws: int, examples: int | None) -> list[tuple[int, Any]]:
        """How many examples, and what the rest takes of them."""
        rows = self.rows(given.batch)
        if draws > 1:
            return [(rows, self._stacked([given] * draws))]
        if examples is None:
            return [(rows, given.frontier)]
        whole = self._sizes(given, rows)
        found = []
        for start in range(0, rows, examples):
            size, place = min(examples, rows - start), Fraction(start, rows)
            part = self._sizes(given, size)
            found.append(
                (size, {r: parted(v, whole[r], part[r], place) for r, v in given.frontier.items()})
            )
        return found

    def _stacked(self, parts: Sequence[Given]) -> dict[str, Any]:
        """What the rest takes, of several batches of one shape."""
        wanted = self._sizes(parts[0], len(parts) * self.rows(parts[0].batch))
        return {
            r: joined([part.frontier[r] for part in parts], wanted[r]) for r in parts[0].frontier
        }

    def _sizes(self, given: Given, rows: int) -> dict[str, Any]:
        return self._growth.at(given.weights, given.batch, rows)

    def _axes(self, given: Given) -> dict[str, int | None]:
        """Which axis of each random operation's result is the batch's."""
        one, two = (self._sizes(given, rows) for rows in SEEN[:2])
        if not one:
            return {r: None if r in self._alone else GUESS for r in self._drawing}
        found: dict[str, int | None] = {}
        for reference, node in self._drawing.items():
            axis = longer(first(one[reference]) or (), first(two[reference]) or ())
            flat = node.op.startswith("feature") and axis is not None and axis > 1
            found[reference] = None if flat else axis
        return found

    def taken(self, given: Given, count: int) -> Taken:
        """More draws than one, or fewer examples than all, only if they do not feel one another."""
        rows = self.rows(given.batch)
        on_device = next(iter(given.batch.values())).device.type != "cpu"
        sizes = self._sizes(given, rows)
        if not sizes or not self._drawing:
            return Taken()
        check_sizes(given.frontier, sizes)
        results = (first(sizes.get(step.reference)) for step in self._parts.after.steps)
        largest = max((math.prod(size) for size in results if size), default=1)
        more = ON_DEVICE if on_device else 1
        most = min(count, ROWS * more // rows, NUMBERS * more // largest)
        if most > 1:
            return Taken(most) if self._trusts(given, self._stackable) else Taken()
        fitting = max(LEAST, rows * NUMBERS // largest)
        if on_device or rows < 2 * fitting:
            return Taken()
        even = 2 * math.ceil(rows / math.ceil(rows / fitting) / 2)
        return Taken(1, even) if self._trusts(given, self._separable) else Taken()

    def _trusts(self, given: Given, tried: Callable[[Given], bool]) -> bool:
        key = tried.__name__, self._growth.kind(given.batch)
        if key not in self._trusted:
            try:
                self._trusted[key] = tried(self._few(given))
            except Exception:  # such as of a size that is written down
                self._trusted[key] = False
        return self._trusted[key]

    def _few(self, given: Given, change: Callable[[Tensor], Tensor] = torch.clone) -> Given:
        some = self._growth.some(given.batch, SEEN[2])
        few = {name: change(tensor) for name, tensor in some.items()}
        weights = {name: _awake(tensor) for name, tensor in given.weights.items()}
        return Given(weights, few, self._parts.before(weights, few))

    def _stackable(self, few: Given) -> bool:
        """Two batches in one pass give what each gives alone, and have masks of their own."""
        if None in self._axes(few).values():
            return False
        parts = [few, self._few(few, other)]
        alone = [self._parts.calm(few.weights, part.frontier)[PREDICTIONS] for part in parts]
        both = self._parts.calm(few.weights, self._stacked(parts))[PREDICTIONS]
        fits = both.shape[0] == 2 * alone[0].shape[0] and near(both, torch.cat(alone))
        return fits and self._alike(few, shared=True, takes=(Taken(), Taken(2)))

    def _separable(self, few: Given) -> bool:
        """Examples in two passes give what they give in one, with masks of their own."""
        takes = (Taken(), Taken(1, SEEN[1]))
        return None not in self._axes(few).values() and self._alike(few, shared=False, takes=takes)

    def _alike(self, few: Given, *, shared: bool, takes: Sequence[Taken]) -> bool:
        """With dropout on: other inputs may have the same statistics, other masks have not."""
        own = seeds(0, TRIED)
        one, two = (self.run(few, Chance(SEEN[2], shared), own, taken) for taken in takes)
        return one.shape == two.shape and near(two, one) and bool(one.isfinite().any())

    def check_shared(self, given: Given) -> None:
        """One draw of examples that are all alike gives each the same."""
        key = tuple((name, tuple(t.shape), t.dtype, t.device) for name, t in given.batch.items())
        if key in self._shareable:
            return
        rows = self.rows(given.batch)
        alike = {
            name: t[:1].expand_as(t) if t.dim() and len(t) == rows else t
            for name, t in given.batch.items()
        }
        of_one = Given(given.weights, alike, self._parts.before(given.weights, alike))
        found = self.run(of_one, Chance(rows, shared=True), seeds(0, 1), Taken())[0]
        if not near(found, found[:1].expand_as(found)):
            raise ProgramError(
                "no mask can be shared by the examples of a batch here: a draw gives the same "
                "example different predictions from row to row; ask for masks='independent'."
            )
        self._shareable.add(key)


def _awake(weight: Tensor) -> Tensor:
    """What is found out holds for other weights as well: where a gate is open that was shut."""
    asleep = weight.is_floating_point() and weight.numel() and float(weight.abs().max()) < ASLEEP
    return weight + 0.5 if asleep else weight
