"""Draws of a network whose dropouts are on: what comes before them once, the rest for each draw.

drawing = prepare_draws(program)                    # of its train graph, norms as in evaluation
drawn = drawing(weights, batch, Wish(100, seed=0))
drawn.values                                        # [draw, example, ...]

Where rows are few, many draws lie one after the other along the batch's axis; that this changes
nothing is tried beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from probes.folder import FathomError, ProgramError
from probes.program.batching import batched
from probes.program.chance import GUESS, Chance, bound, seeds
from probes.program.form import Node, Program
from probes.program.interpreter import Evaluation
from probes.program.portions import PREDICTIONS, portion, predicting
from probes.program.randomness import (
    DROPOUTS,
    NAN,
    NOISE,
    RRELU,
    Fired,
    behind,
    calmed,
    is_random,
    same,
    share,
    split,
    used,
    weights_alone,
    with_share,
)
from probes.program.stacking import blank, first, joined, longer, near, other, without_numbers

ROWS, NUMBERS = 1 << 11, 1 << 19  # of a pass, up to which stacking pays on a processor
ON_DEVICE = 1 << 4  # times as many on an accelerator
TRIED = 4  # draws, on which it is seen whether they feel one another
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Wish:
    """Which draws."""

    count: int
    seed: int | Sequence[int] = 0  # stands for the same draws; if they are shared, of any batch
    shared: bool = False  # one mask for all examples: a draw is a function
    limit: float = math.inf  # bytes that they may take

    def check_fits(self, predictions: Tensor) -> None:
        size = self.count * predictions.numel() * predictions.element_size()
        if size > self.limit:
            raise FathomError(
                f"{self.count} draws of {[*predictions.shape]} predictions would take {size:,} "
                f"bytes, and there are {self.limit:,}; ask for fewer draws, or of fewer examples."
            )


@dataclass(frozen=True)
class Drawn:
    """Draws of one batch."""

    values: Tensor  # [draw, example, ...]
    plain: Tensor  # [example, ...]  with dropout off
    fired: tuple[Fired, ...]
    how: str  # "loop", "stacked by 20"
    gap: float  # of the train graph with dropout off from the plain prediction, relative


def prepare_draws(
    program: Program, only: Sequence[str] | None = None, p: float | None = None
) -> Drawing:
    """`only` these random operations are on; `p` is what each drops, instead of its own."""
    nodes = predicting(program, "train")
    told = {n.name: n.reference for n in nodes if is_random(n) or n.op in DROPOUTS}
    if unknown := [name for name in only or () if name not in told]:
        raise ProgramError(
            f"no random operation '{unknown[0]}' (there are: {', '.join(told) or 'none'})."
        )
    rrelu = {n.name for n in nodes if n.op == RRELU}  # no dropout: on only where it is asked for
    wanted = {told[name] for name in (told.keys() - rrelu if only is None else only)}
    nodes = [with_share(n, p) if p is not None and is_random(n) else n for n in nodes]
    drawing = {n.reference: n for n in nodes if n.reference in wanted and is_random(n)}
    seen = {told[name] for name in told if name not in rrelu or told[name] in wanted}
    return Drawing(program, nodes, drawing, frozenset(seen))


class Drawing:
    """A program made ready for draws."""

    def __init__(
        self, program: Program, nodes: list[Node], drawing: dict[str, Node], seen: frozenset[str]
    ) -> None:
        """`drawing` are the operations that are on, `seen` all that are told of."""
        self._program, self._nodes, self._drawing, self._seen = program, nodes, drawing, seen
        self._output = program.graphs["train"].outputs[PREDICTIONS]
        before, after = split(calmed(nodes, drawing), drawing)
        made = {node.reference for node in after}
        wanted = {self._output, *(r for node in after for r in used(node))} - made
        self._frontier = [r for r in wanted if r[0] == "%" or r.startswith("input:")]
        self._before = portion(program, before, {r: r for r in self._frontier})
        self._after, self._calm = (
            portion(program, part, {PREDICTIONS: self._output}, self._frontier)
            for part in (after, calmed(after))
        )
        self._plain = self._evaluation()
        self._trusted: dict[Any, bool] = {}  # by the shapes of a batch: may draws be stacked?
        self._shareable = set[Any]()  # shapes of batches whose examples may share a mask
        self._known: dict[Any, dict[str, Any]] = {}  # by these too: the shapes of all results

    @property
    def always_on(self) -> tuple[str, ...]:
        """What draws in evaluation too: without draws the network has no one prediction."""
        return tuple(n.name for n in predicting(self._program, "eval") if is_random(n))

    def _evaluation(self) -> Evaluation | None:
        """None where it is the train graph with dropout off."""
        nodes = calmed(predicting(self._program, "eval"))
        output = self._program.graphs["eval"].outputs[PREDICTIONS]
        if same(calmed(self._nodes), nodes, (self._output, output)):
            return None
        return portion(self._program, nodes, {PREDICTIONS: output})

    def __call__(self, weights: Tensors, batch: Tensors, wish: Wish) -> Drawn:
        with torch.no_grad():
            frontier = self._before(weights, batch)
            calm = self._calm(weights, frontier)[PREDICTIONS]
            wish.check_fits(calm)
            plain = self._plain(weights, batch)[PREDICTIONS] if self._plain else calm
            chance = Chance(_rows(self._program, batch), wish.shared)
            at_once = self._at_once(weights, batch, calm, wish.count)
            if wish.shared:
                self._check_shared(weights, batch)
            values = self._drawn(
                weights, batch, frontier, (chance, seeds(wish.seed, wish.count), at_once)
            )
        how = f"stacked by {at_once}" if at_once > 1 else "loop"
        return Drawn(values, plain, self._audit(chance), how, self._gap(calm, plain))

    def _drawn(
        self, weights: Tensors, batch: Tensors, frontier: Any, how: tuple[Chance, list[int], int]
    ) -> Tensor:
        chance, own, at_once = how
        axes = self._axes(weights, batch)
        evaluate = bound(self._after, self._drawing, axes, chance)
        device = next(iter(batch.values())).device
        values = torch.empty(0)
        stacks: dict[int, Any] = {1: frontier}
        for start in range(0, len(own), at_once):
            now = own[start : start + at_once]
            chance.seed(now, device)
            if len(now) not in stacks:
                stacks[len(now)] = self._stacked([frontier] * len(now), weights, batch)
            found = evaluate(weights, stacks[len(now)])[PREDICTIONS]
            found = found.reshape(len(now), -1, *found.shape[1:])
            if not start:
                values = found.new_empty((len(own), *found.shape[1:]))
            values[start : start + len(now)] = found
        return values

    def _check_shared(self, weights: Tensors, batch: Tensors) -> None:
        """One draw of examples that are all alike gives each the same."""
        if _shapes(batch) in self._shareable:
            return
        rows = _rows(self._program, batch)
        alike = {
            name: t[:1].expand_as(t) if t.dim() and len(t) == rows else t
            for name, t in batch.items()
        }
        frontier = self._before(weights, alike)
        how = (Chance(rows, shared=True), seeds(0, 1), 1)
        found = self._drawn(weights, alike, frontier, how)[0]
        if not near(found, found[:1].expand_as(found)):
            raise ProgramError(
                "no mask can be shared by the examples of a batch here: a draw gives the same "
                "example different predictions from row to row; ask for masks='independent'."
            )
        self._shareable.add(_shapes(batch))

    def _axes(self, weights: Tensors, batch: Tensors) -> dict[str, int | None]:
        """Which axis of each random operation's result is the batch's."""
        shapes = [self._rehearsed(weights, batch, times) for times in (1, 2)]
        if not all(shapes):
            none = weights_alone(self._nodes)
            return {r: None if r in none else GUESS for r in self._drawing}
        found: dict[str, int | None] = {}
        for reference, node in self._drawing.items():
            one, two = (first(shape[reference]).shape for shape in shapes)
            axis = longer(one, two)
            flat = node.op.startswith("feature") and axis is not None and axis > 1
            found[reference] = None if flat else axis
        return found

    def _rehearsed(self, weights: Tensors, batch: Tensors, times: int) -> dict[str, Any]:
        """Each result without its numbers, for a batch so many times as long; {}: not to be had."""
        if not self._program.dynamic:
            return {}
        if (key := (_shapes(batch), times)) not in self._known:
            rows = batched(self._program.tensors.values())
            try:
                with without_numbers():
                    light = {name: blank(t, 1) for name, t in weights.items()}
                    long = {
                        name: blank(t, times if name in rows else 1) for name, t in batch.items()
                    }
                    found: dict[str, Any] = {f"input:{name}": t for name, t in long.items()}
                    found |= dict(self._before.stepwise(light, long))
                    self._known[key] = found | dict(self._calm.stepwise(light, found))
            except Exception:  # such as of shapes that numbers decide on
                self._known[key] = {}
        return self._known[key]

    def _at_once(self, weights: Tensors, batch: Tensors, calm: Tensor, count: int) -> int:
        """How many draws in a pass; more than one only if they do not feel one another."""
        rows, more = _rows(self._program, batch), 1 if calm.device.type == "cpu" else ON_DEVICE
        if rows * 2 > ROWS * more or count < 2 or not self._drawing:
            return 1
        shapes = self._rehearsed(weights, batch, 2)
        largest = max(
            (first(v).numel() for v in shapes.values() if first(v) is not None), default=0
        )
        most = min(count, ROWS * more // rows, 2 * NUMBERS * more // max(largest, 1))
        if most < 2 or not shapes or not self._rehearsed(weights, batch, most):
            return 1
        if (key := _shapes(batch)) not in self._trusted:
            self._trusted[key] = self._stackable(weights, batch)
        return most if self._trusted[key] else 1

    def _stackable(self, weights: Tensors, batch: Tensors) -> bool:
        """Two batches in one pass give what each gives alone, and have masks of their own."""
        if None in self._axes(weights, batch).values():
            return False
        unlike = {name: other(t) for name, t in batch.items()}
        try:
            parts = [self._before(weights, each) for each in (batch, unlike)]
            alone = [self._calm(weights, part)[PREDICTIONS] for part in parts]
            both = self._calm(weights, self._stacked(parts, weights, batch))[PREDICTIONS]
        except Exception:  # such as of a size that is written down
            return False
        fits = both.shape[0] == 2 * alone[0].shape[0] and near(both, torch.cat(alone))
        return fits and self._unmixed(weights, batch, parts[0])

    def _unmixed(self, weights: Tensors, batch: Tensors, frontier: Any) -> bool:
        """With dropout on, too: other inputs may have the same statistics, other masks have not."""
        rows, own = _rows(self._program, batch), seeds(0, TRIED)
        one, two = (
            self._drawn(weights, batch, frontier, (Chance(rows, shared=True), own, at_once))
            for at_once in (1, 2)
        )
        return near(two, one)

    def _stacked(self, parts: Sequence[Any], weights: Tensors, batch: Tensors) -> dict[str, Any]:
        """What the suffix takes, of several batches of one shape."""
        wanted = self._rehearsed(weights, batch, len(parts))
        return {r: joined([part[r] for part in parts], wanted[r]) for r in self._frontier}

    def _audit(self, chance: Chance) -> tuple[Fired, ...]:
        return tuple(
            Fired(
                node.name,
                node.op.partition(".")[0],
                share(node),
                chance.fired[node.reference],
                behind(self._nodes, node.reference),
            )
            for node in self._nodes
            if node.reference in self._seen
        )

    def _gap(self, calm: Tensor, plain: Tensor) -> float:
        """NaN where it cannot be told: noise has no state in which it is off."""
        if any(node.op in NOISE for node in self._nodes) or calm.shape != plain.shape:
            return NAN
        return float((calm - plain).abs().max() / plain.abs().max().clamp_min(1e-30))


def _rows(program: Program, batch: Tensors) -> int:
    """Examples in a batch."""
    names = batched(program.tensors.values())
    return next((len(batch[name]) for name in names), program.batch)


def _shapes(batch: Tensors) -> Any:
    return tuple((name, tuple(t.shape), t.dtype, t.device) for name, t in batch.items())
