"""Parts of a loss program, each a function of what it takes: what predicts, and cuts of that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from probes.folder import ProgramError
from probes.program.form import Graph, Node, Program, TensorSpec
from probes.program.interpreter import Evaluation, needed, prepare
from probes.program.randomness import by_running_statistics, used
from probes.program.whole_dropouts import whole_dropouts

PREDICTIONS = "predictions"


def predicting(program: Program, mode: str) -> list[Node]:
    if mode not in program.graphs:
        told = "; ".join(program.notes) or "its notes say nothing"
        raise ProgramError(f"no {mode} graph in this program, so no dropout: {told}.")
    outputs = program.graphs[mode].outputs
    if PREDICTIONS not in outputs:
        raise ProgramError(
            f"the program gives {', '.join(outputs)} and no predictions, of which draws are made; "
            "record with a loss of (output, target), or let the model return its output too."
        )
    nodes = needed(whole_dropouts(program.graphs[mode].nodes), [outputs[PREDICTIONS]])
    return [by_running_statistics(node) for node in nodes]


def portion(
    program: Program, nodes: Sequence[Node], outputs: dict[str, str], given: Iterable[str] = ()
) -> Evaluation:
    """A part of the graph; `given` are results of what comes before it."""
    met = {r for node in nodes for r in used(node)} | set(outputs.values())
    own = [spec for spec in program.tensors.values() if spec.kind != "input"]
    kept = {spec.reference: spec for spec in own if spec.reference in met or spec is own[0]}
    taken = set(given)
    if not taken:
        kept |= {spec.reference: spec for spec in program.of_kind("input")}
    kept |= {r: TensorSpec("input", r, (), "float32") for r in taken}
    part = replace(program, tensors=kept, graphs={"train": Graph(tuple(nodes), outputs)})
    return prepare(part, mode="train", wanted=tuple(outputs))
