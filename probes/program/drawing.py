"""Draws of a network whose dropouts are on: what comes before them once, the rest for each draw.

drawing = prepare_draws(program)                    # of its train graph, norms as in evaluation
drawn = drawing(weights, batch, Wish(100, seed=0))
drawn.values                                        # [draw, example, ...]

Where rows are few, many draws lie one after the other along the batch's axis; where they are many,
some of them are taken at a time. That this changes nothing is tried beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from probes.folder import FathomError, ProgramError
from probes.program.chance import Chance, seeds
from probes.program.form import Node, Program
from probes.program.growth import Unforeseen
from probes.program.interpreter import Evaluation
from probes.program.passes import Given, Parts, Passes, Taken
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
    with_shares,
)

SMALL = 1 << 20  # bytes that there always are
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Wish:
    """Which draws."""

    count: int
    seed: int | Sequence[int] = 0  # fewer draws are the first of more; if shared, of any batch
    shared: bool = False  # one mask for all examples: a draw is a function
    limit: Callable[[], float] = lambda: math.inf  # bytes that they may take: dear to learn

    def check_fits(self, predictions: Tensor) -> None:
        size = self.count * predictions.numel() * predictions.element_size()
        if size > SMALL and size > (limit := self.limit()):
            raise FathomError(
                f"{self.count} draws of {[*predictions.shape]} predictions would take {size:,} "
                f"bytes, and there are {limit:,}; ask for fewer draws, or of fewer examples."
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
    nodes = nodes if p is None else with_shares(nodes, p)
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
        frontier = [r for r in wanted if r[0] == "%" or r.startswith("input:")]
        self._before = portion(program, before, {r: r for r in frontier})
        self._after, self._calm = (
            portion(program, part, {PREDICTIONS: self._output}, frontier)
            for part in (after, calmed(after))
        )
        self._plain = self._evaluation()
        parts = Parts(self._before, self._after, self._calm)
        self._passes = Passes(program, parts, drawing, weights_alone(nodes))

    @cached_property
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
            values, chance, taken = self._drawn(Given(weights, batch, frontier), wish)
        return Drawn(values, plain, self._audit(chance), taken.how, self._gap(calm, plain))

    def _drawn(self, given: Given, wish: Wish) -> tuple[Tensor, Chance, Taken]:
        chance = Chance(self._passes.rows(given.batch), wish.shared)
        try:
            if wish.shared:
                self._passes.check_shared(given)
            taken = self._passes.taken(given, wish.count)
            values = self._passes.run(given, chance, seeds(wish.seed, wish.count), taken)
        except Unforeseen:
            self._passes.forget(given)
            return self._drawn(given, wish)
        return values, chance, taken

    def _audit(self, chance: Chance) -> tuple[Fired, ...]:
        return tuple(
            Fired(
                node.name,
                node.op.partition(".")[0],
                share(node),
                chance.fired[node.reference],
                before,
            )
            for node, before in self._told
        )

    @cached_property
    def _told(self) -> list[tuple[Node, str]]:
        """What an audit tells of, and the parameter before each."""
        told = [node for node in self._nodes if node.reference in self._seen]
        return [(node, behind(self._nodes, node.reference)) for node in told]

    def _gap(self, calm: Tensor, plain: Tensor) -> float:
        """NaN where it cannot be told: noise has no state in which it is off."""
        if any(node.op in NOISE for node in self._nodes) or calm.shape != plain.shape:
            return NAN
        return float((calm - plain).abs().max() / plain.abs().max().clamp_min(1e-30))
