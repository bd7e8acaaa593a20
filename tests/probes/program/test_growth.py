"""How results grow with a batch, against batches of that size."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.program import capture
from probes.program.growth import Growth, Unforeseen, check_sizes, size_of, watched
from probes.program.portions import PREDICTIONS, portion, predicting
from probes.program.randomness import used
from tests.probes.program.models import program_of, weights_for


def parts(program):
    """All of it before, and nothing but a name of the result after."""
    nodes = predicting(program, "eval")
    output = program.graphs["eval"].outputs[PREDICTIONS]
    split = len(nodes) // 2
    made = {node.reference for node in nodes[:split]}
    later = {r for node in nodes[split:] for r in used(node)} | {output}
    frontier = sorted(r for r in later if r in made or r.startswith("input:"))
    before = portion(program, nodes[:split], {r: r for r in frontier})
    return before, portion(program, nodes[split:], {PREDICTIONS: output}, frontier)


@pytest.mark.parametrize("name", ["resnet", "vit", "gpt", "lstm"])
def test_sizes_are_those_of_such_a_batch(name):
    model, recorded = program_of(name)
    weights = weights_for(model, recorded)
    before, after = parts(recorded.program)
    growth = Growth(recorded.program, before, after)
    for rows in (1, 3, 8):
        batch = growth.some(recorded.batch, rows)
        with torch.no_grad():
            found = dict(before.stepwise(weights, batch))
            found |= {f"input:{k}": t for k, t in batch.items()}
            found |= dict(after.stepwise(weights, found))
            sizes = growth.at(weights, recorded.batch, rows)
        assert {r: size_of(value) for r, value in found.items()} == {r: sizes[r] for r in found}


class Squares(nn.Module):
    """As many numbers as examples times examples."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(3, 1)

    def forward(self, x):
        return self.last(x) + (x @ x.T).flatten().mean()


def test_what_does_not_grow_evenly_is_not_foretold():
    torch.manual_seed(0)
    model, x = Squares(), torch.randn(4, 3)
    recorded = capture(model, functional.mse_loss, (x, torch.zeros(4, 1)))
    growth = Growth(recorded.program, *parts(recorded.program))
    assert recorded.program.dynamic
    assert growth.at(weights_for(model, recorded), recorded.batch, 4) == {}


def test_few_examples_are_taken_again():
    recorded = program_of("gpt")[1]
    growth = Growth(recorded.program, *parts(recorded.program))
    batch = {name: tensor[:1] for name, tensor in recorded.batch.items()}
    some = growth.some(batch, 4)
    assert all(len(tensor) == 4 for tensor in some.values())
    assert growth.kind(some) == growth.kind(recorded.batch)


def test_results_of_other_sizes_than_foretold_are_seen_and_forgotten():
    model, recorded = program_of("vit")
    weights = weights_for(model, recorded)
    before, after = parts(recorded.program)
    growth = Growth(recorded.program, before, after)
    batch = growth.some(recorded.batch, 3)
    given = {**before(weights, batch), **{f"input:{k}": t for k, t in batch.items()}}
    sizes = growth.at(weights, batch, 3)
    check_sizes(given, sizes)
    found = watched(after, sizes)(weights, given)[PREDICTIONS]
    assert torch.equal(found, after(weights, given)[PREDICTIONS])
    others = growth.at(weights, batch, 4)
    with pytest.raises(Unforeseen):
        watched(after, others)(weights, given)
    with pytest.raises(Unforeseen):
        check_sizes(given, others)
    growth.forget(batch)
    assert growth.at(weights, recorded.batch, 5) == {}
