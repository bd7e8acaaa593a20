from __future__ import annotations

import time

import pytest
import torch

from probes.folder import ProgramError
from probes.program import prepare, rehearse
from probes.program.form import Graph, Node, Program, TensorSpec
from tests.probes.program.models import MODELS, program_of


@pytest.mark.parametrize("name", MODELS)
def test_every_models_program_can_be_rehearsed(name):
    recorded = program_of(name)[1]
    largest = rehearse(recorded.program, recorded.batch, 1 << 26)
    assert rehearse(recorded.program, recorded.batch, largest) == largest
    with pytest.raises(ProgramError, match=f"would be of {largest} bytes, and limit={largest - 1}"):
        rehearse(recorded.program, recorded.batch, largest - 1)


def test_its_largest_tensor_is_the_one_that_a_run_has():
    model, recorded = program_of("resnet")
    evaluate = prepare(recorded.program)
    weights = dict(model.named_parameters()) | dict(model.named_buffers())
    sizes = [
        value.numel() * value.element_size()
        for _, value in evaluate.stepwise(weights, recorded.batch)
        if isinstance(value, torch.Tensor)
    ]
    assert rehearse(recorded.program, recorded.batch, 1 << 26) == max(sizes)


def test_more_examples_are_more_bytes():
    recorded = program_of("mlp")[1]
    once = rehearse(recorded.program, recorded.batch, 1 << 26)
    doubled = {name: torch.cat([tensor, tensor]) for name, tensor in recorded.batch.items()}
    assert rehearse(recorded.program, doubled, 1 << 26) == 2 * once


HUGE = Program(
    {"input:x": TensorSpec("input", "x", (None,), "float32")},
    {
        "eval": Graph(
            (
                Node("a", "unsqueeze.default", ("input:x", 0)),
                Node("b", "unsqueeze.default", ("input:x", 1)),
                Node("c", "matmul.default", ("%b", "%a")),
                Node("l", "sum.default", ("%c",)),
            ),
            {"loss": "%l"},
        )
    },
    batch=1 << 22,
    dynamic=True,
)


def test_what_would_fill_the_memory_is_refused_at_once():
    x = torch.zeros(1 << 22)
    rehearse(HUGE, {"x": torch.zeros(4)}, 1 << 20)  # what torch has to load for it
    began = time.process_time()
    with pytest.raises(ProgramError, match=r"'%c' would be of 70368744177664 bytes"):
        rehearse(HUGE, {"x": x}, 1 << 30)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("loss", ["%c", "input:x"])
def test_a_loss_that_is_no_number_is_refused(loss):
    graph = Graph(HUGE.graphs["eval"].nodes, {"loss": loss})
    program = Program(HUGE.tensors, {"eval": graph}, 4, dynamic=True)
    with pytest.raises(ProgramError, match="not a number"):
        rehearse(program, {"x": torch.zeros(4)}, 1 << 20)


def test_nothing_is_logged_of_an_operation_that_fails(caplog, capfd):
    nodes = (Node("l", "reshape.default", ("input:x", [7, 11])),)
    program = Program(HUGE.tensors, {"eval": Graph(nodes, {"loss": "%l"})}, 4, dynamic=True)
    with pytest.raises(ProgramError, match="'%l' cannot be computed"):
        rehearse(program, {"x": torch.zeros(4)}, 1 << 20)
    assert [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == []
    assert capfd.readouterr() == ("", "")
