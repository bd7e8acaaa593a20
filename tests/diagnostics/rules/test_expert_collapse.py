from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.expert_collapse import expert_collapse
from tests.diagnostics.written import layer, written
from tests.trainings import record


class Mixture(nn.Module):
    """Each row goes to one of three experts."""

    def __init__(self, favour: float) -> None:
        super().__init__()
        self.router = nn.Linear(8, 3)
        self.experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(3))
        self.head = nn.Linear(8, 3)
        nn.init.constant_(self.router.bias[1:2], favour)
        nn.init.normal_(self.router.weight)

    def forward(self, x: Tensor) -> Tensor:
        chance = self.router(x).softmax(-1)
        chosen = chance.argmax(-1)
        out = torch.zeros_like(x)
        for n, expert in enumerate(self.experts):
            mine = chosen == n
            if mine.any():
                out[mine] = expert(x[mine]) * chance[mine, n : n + 1]
        return self.head(x + out)


def test_a_router_with_a_favourite_is_found(tmp_path):
    finding = expert_collapse(Run(record(tmp_path / "run", Mixture(50.0), steps=8)))
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("expert_collapse", "error")
    assert "'experts.1'" in finding.symptom
    assert finding.layers == ("router", "experts.0", "experts.2")
    assert finding.evidence[0].value == 1.0
    assert finding.steps[0] == 1


def test_a_mixture_that_shares_the_work_passes(tmp_path):
    assert expert_collapse(Run(record(tmp_path / "run", Mixture(0.0), steps=8))) is None


NET = [*layer("in", "8x8"), *layer("gate", "2x8")]
NET += [*layer("experts.0", "8x8"), *layer("experts.1", "8x8")]
WIRES = dict.fromkeys(["gate", "experts.0", "experts.1"], "in")


def judge(path, first, second, *, net=NET, wires=WIRES, **others):
    """Where all experts get every row, the gradient tells which counts."""
    rows = {t.name: {} for t in net if t.role == "output"}
    norms = {t.name: {} for t in net if t.role == "matrix"}
    norms["experts.0.weight"], norms["experts.1.weight"] = {"norm": first}, {"norm": second}
    series, events = {"activations": rows, "gradients": norms}, [(1, "wiring", wires)]
    return expert_collapse(written(path, net, series, events=events, **others))


def test_experts_that_get_all_rows_are_told_by_their_gradients(tmp_path):
    finding = judge(tmp_path, 1.0, np.geomspace(1.0, 1e-3, 10))
    assert isinstance(finding, Finding)
    assert finding.layers == ("gate", "experts.1")
    squares = np.geomspace(1.0, 1e-3, 10) ** 2
    assert finding.evidence[0].value == pytest.approx(np.median((1 / (1 + squares))[5:]), rel=1e-5)


def test_equal_gradients_pass(tmp_path):
    assert judge(tmp_path, 1.0, 0.5) is None


def test_siblings_without_a_router_are_no_experts(tmp_path):
    net = [*NET[:2], *layer("gate", "5x8"), *NET[4:]]
    assert judge(tmp_path, 1.0, 0.0, net=net) is None


def test_layers_one_after_another_are_no_experts(tmp_path):
    chain = {"experts.0": "in", "experts.1": "experts.0", "gate": "experts.1"}
    assert judge(tmp_path, 1.0, 0.0, wires=chain) is None


def test_too_little_is_not_enough(tmp_path):
    assert isinstance(expert_collapse(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", 1.0, 0.0, steps=[1]), NotEnough)
