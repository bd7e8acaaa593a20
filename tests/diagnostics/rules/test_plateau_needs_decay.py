from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.plateau_needs_decay import plateau_needs_decay
from tests.diagnostics.told import SQUARES, asked
from tests.diagnostics.written import layer, written

NET = layer("0", "10x10")
STEPS = tuple(range(1, 101))
NOISE = 1 + 0.5 * np.sin(np.arange(100))
FLOOR = [1.0] * 5 + list(0.2 * NOISE[5:])


def judge(path, losses=FLOOR, *, rate=(0.1,) * 100, update=0.04):
    """The steps are large to the end, at a constant rate."""
    series = {"weights": {"0.weight": {"std": 1.0}}, "updates": {"0.weight": {"std": update}}}
    scalars = {"loss": list(losses), "optimizer/0/lr": list(rate), **SQUARES}
    given = {name: told for name, told in scalars.items() if told}
    run = written(path, NET, series, steps=STEPS, scalars=given, events=[asked()])
    return plateau_needs_decay(run)


def test_a_floor_of_noise_is_found(tmp_path):
    finding = judge(tmp_path)
    assert isinstance(finding, Finding)
    assert finding.severity == "warning"
    pace = next(e for e in finding.evidence if e.name == "update / weight, late")
    assert pace.value == pytest.approx(0.04, rel=1e-4)
    assert all(evidence.has_passed for evidence in finding.evidence)
    assert finding.steps == (51, 100)


@pytest.mark.parametrize(
    "told",
    [
        {"rate": np.geomspace(0.1, 1e-4, 100)},
        {"update": 1e-4},
        {"losses": [1.0] * 5 + list(1e-3 * NOISE[5:])},
        {"losses": list(np.geomspace(1.0, 0.1, 100) * NOISE)},
        {"losses": [1.0] * 5 + [0.2] * 95},
    ],
    ids=["decays", "small steps", "has learnt", "falls", "no noise"],
)
def test_other_trainings_pass(tmp_path, told):
    assert judge(tmp_path, **told) is None


def test_few_losses_or_no_updates_are_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", FLOOR[:20]), NotEnough)
    assert isinstance(plateau_needs_decay(written(tmp_path / "b", NET)), NotEnough)
