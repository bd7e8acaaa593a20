from __future__ import annotations

import torch

from probes.program.whereabouts import traced


def takes_a_number(x):
    return x * x.mean().item()  # the line


def test_the_line_where_an_operation_runs():
    trace = traced(lambda: takes_a_number(torch.ones(3)), "item")
    assert "x.mean().item()  # the line" in trace
    assert __file__ in trace


def test_one_that_never_runs_is_nowhere():
    assert traced(lambda: torch.ones(3).sum(), "item") == ""


def test_what_else_goes_wrong_does_not_matter_here():
    assert traced(lambda: 1 / 0, "item") == ""
