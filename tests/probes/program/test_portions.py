"""Parts of a program, put together again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from probes.folder import ProgramError
from probes.program import prepare
from probes.program.form import Graph
from probes.program.portions import portion, predicting
from probes.program.randomness import used
from tests.probes.program.models import program_of, weights_for


@pytest.mark.parametrize("name", ["mlp", "vit", "lstm"])
def test_two_parts_one_after_the_other_are_the_whole(name):
    model, recorded = program_of(name)
    weights, program = weights_for(model, recorded), recorded.program
    nodes, output = predicting(program, "eval"), program.graphs["eval"].outputs["predictions"]
    cut = len(nodes) // 2
    made = {node.reference for node in nodes[cut:]}
    taken = {r for node in nodes[cut:] for r in used(node)} - made
    between = [r for r in taken if r.startswith(("%", "input:"))]
    first = portion(program, nodes[:cut], {r: r for r in between})
    last = portion(program, nodes[cut:], {"predictions": output}, between)
    found = last(weights, first(weights, recorded.batch))["predictions"]
    whole = prepare(program, wanted=("predictions",))(weights, recorded.batch)["predictions"]
    assert torch.equal(found, whole)


def test_a_program_that_cannot_predict_says_so():
    program = program_of("mlp")[1].program
    with pytest.raises(ProgramError, match=r"no train graph.*no dropout: the loop is odd"):
        lost = {"eval": program.graphs["eval"]}
        predicting(replace(program, graphs=lost, notes=("the loop is odd",)), "train")
    graph = program.graphs["train"]
    bare = Graph(graph.nodes, {"loss": graph.outputs["loss"]})
    with pytest.raises(ProgramError, match="gives loss and no predictions"):
        predicting(replace(program, graphs={"train": bare}), "train")
