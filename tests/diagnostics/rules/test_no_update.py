from __future__ import annotations

import numpy as np

from diagnostics import Run, examine
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.no_update import no_update
from tests.diagnostics.told import of_optimizer
from tests.diagnostics.written import layer, written
from tests.trainings import record

NET = [*layer("0", "10x10"), *layer("1", "10x10")]
MOVES = {"std": np.linspace(1.0, 2.0, 10)}


def judge(path, first, second, *, norm=1.0, rate=0.1):
    """What the weights of two layers do; what the gradients are."""
    weights = {"0.weight": first, "1.weight": second}
    series = {"weights": weights, "gradients": {name: {"norm": norm} for name in weights}}
    return no_update(written(path, NET, series, scalars=of_optimizer(lr=rate)))


def test_a_training_that_updates_passes(tmp_path):
    assert no_update(Run(record(tmp_path / "run", steps=4))) is None


def test_weights_that_are_put_back_after_every_step_are_found(tmp_path):
    """The optimizer works, and what it does is undone: nobody else explains it."""
    finding = judge(tmp_path, {}, {})
    assert isinstance(finding, Finding)
    assert (finding.severity, finding.steps) == ("error", (1, 10))
    assert finding.evidence[0].value == 1.0


def test_it_is_named_in_its_cause(clinic):
    _, told = clinic.examined("optimizer_of_other_model")
    (cause,) = [f for f in told.findings if "no_update" in f.consequences]
    assert cause.disease == "params_not_in_optimizer"


def test_one_that_moves_is_enough(tmp_path):
    assert judge(tmp_path, MOVES, {}) is None


def test_a_rate_of_nought_or_no_gradient_leaves_nothing_driven(tmp_path):
    assert isinstance(judge(tmp_path / "rate", {}, {}, rate=0.0), NotEnough)
    assert isinstance(judge(tmp_path / "gradient", {}, {}, norm=0.0), NotEnough)


def test_without_weights_nothing_can_be_said(tmp_path):
    run = written(tmp_path, NET)
    assert isinstance(no_update(run), NotEnough)
    assert "no_update" in dict(examine(run).undecided)
