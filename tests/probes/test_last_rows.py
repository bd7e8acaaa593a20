from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from probes.last_rows import STEPS, LastRows, judged_rows
from probes.recording import BINS, STATISTICS
from probes.unfolding import Reduced

MODEL = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2))


def rows(names, **counts):
    """One series; `nan=(row, …)` and so on mark rows."""
    statistics = np.zeros((len(names), len(STATISTICS)), np.float32)
    statistics[:, 0] = 100
    for name, marked in counts.items():
        statistics[list(marked), STATISTICS.index(name)] = 4
    return Reduced(0, list(names), statistics, np.zeros((len(names), BINS), np.uint16))


def judge(**series):
    return judged_rows(9, MODEL, series)


def test_the_first_layer_that_is_bad_forward():
    report = judge(activations=rows("012", nan=[1, 2]), gradients=rows(["0.weight"], nan=[0]))
    assert (report.where, report.module, report.module_type) == ("forward", "1", "Tanh")
    assert report.counts == {"count": 100, "nan": 4, "posinf": 0, "neginf": 0}
    assert report.summary.startswith("step 9: NaN first in the output of '1' (Tanh)")


def test_an_infinity_counts_where_a_gradient_is_lost_with_it():
    infinite = rows("012", posinf=[0])
    assert judge(activations=infinite) is None
    report = judge(activations=infinite, gradients=rows(["0.weight"], nan=[0]))
    assert (report.where, report.module, report.kind) == ("forward", "0", "+inf")


def test_masks_are_no_trouble():
    assert judge(activations=rows("012", neginf=[0, 1, 2])) is None


def test_the_first_layer_that_is_bad_backward():
    report = judge(
        activations=rows("012"),
        activation_gradients=rows("210", nan=[1, 2]),
        gradients=rows(["0.weight"], nan=[0]),
    )
    assert (report.where, report.module) == ("backward", "1")
    assert "finite at that of '2'" in report.summary


def test_a_gradient_that_is_bad_from_the_last_layer_on_is_the_losss():
    assert judge(activation_gradients=rows("210", posinf=[0, 1, 2])).where == "loss"


def test_gradients_and_updates_alone():
    report = judge(gradients=rows(["0.weight", "2.bias"], nan=[1]))
    assert (report.where, report.module) == ("backward", "2")
    report = judge(gradients=rows(["0.weight"]), updates=rows(["0.weight"], nan=[0]))
    assert (report.where, report.module) == ("weights", "0")
    assert "NaN in the update of '0.weight'" in report.summary


@pytest.mark.parametrize(("name", "module"), [("0[1][0]", "0"), ("(model)", ""), ("weight", "")])
def test_names_of_outputs_lead_to_their_module(name, module):
    assert judge(activations=rows([name], nan=[0])).module == module


def test_the_last_steps_are_kept_whole_and_aligned():
    ring = LastRows()
    for step in range(1, STEPS + 4):
        ring.add(step, {"gradients": rows(["a", "b"], zeros=[0])})
        if step == STEPS + 3:
            ring.add(step, {"weights": rows(["c"])})
    ring.add(STEPS + 4, {"gradients": rows(["b", "late"], nan=[0])})
    assert ring.steps == list(range(5, STEPS + 5))
    assert ring.tensors == {"gradients": ["a", "b", "late"], "weights": ["c"]}
    found = ring.arrays()["black_box/rows/gradients"][0]
    nan = found[:, :, STATISTICS.index("nan")]
    assert nan[-1, 1:].tolist() == [4, 0]
    assert np.isnan(found[-1, 0]).all()
    assert np.isnan(found[:-1, 2]).all()
    assert found[0, 0, STATISTICS.index("zeros")] == 4
