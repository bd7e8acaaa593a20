from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.plateau import plateau
from tests.diagnostics.told import FALLING, ONES, SQUARES, asked
from tests.diagnostics.written import LEARNT, layer, written


def judge(path, losses, *events):
    scalars = SQUARES | ({"loss": list(losses)} if len(losses) else {})
    net, steps = layer("0", "2x2"), (1, 40)
    told = events or [asked()]
    return plateau(written(path, net, {"weights": {}}, steps=steps, scalars=scalars, events=told))


def test_it_is_named_in_its_cause(clinic):
    assert clinic.folded("lr_too_low_sgd", "plateau").disease == "lr_too_low"


def test_a_loss_that_stays_is_found(tmp_path):
    finding = judge(tmp_path, ONES)
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.steps) == ("warning", (21, 40))
    assert [e.value for e in finding.evidence] == pytest.approx([1.0, 0.0])


@pytest.mark.parametrize(
    "losses",
    [LEARNT, [*LEARNT[:20], *[0.05] * 20], FALLING, [1.0] * 20 + [np.nan] * 20],
    ids=["learns", "has learnt", "falls", "lost"],
)
def test_other_curves_pass(tmp_path, losses):
    assert judge(tmp_path, losses) is None


def test_a_short_run_or_an_unknown_chance_is_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", ONES[:10]), NotEnough)
    assert isinstance(judge(tmp_path / "b", []), NotEnough)
    assert isinstance(judge(tmp_path / "c", ONES, asked("HuberLoss")), NotEnough)
