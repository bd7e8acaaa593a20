from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.over_clipping import over_clipping
from tests.diagnostics.told import ONES
from tests.diagnostics.written import LEARNT, written

BEFORE = np.linspace(50.0, 150.0, 10)


def judge(path, after, losses=ONES, before=BEFORE):
    norms = {"before_clipping": list(before), "after_clipping": list(after)}
    scalars = {f"gradient_norm/{name}": told for name, told in norms.items()}
    return over_clipping(written(path, scalars=scalars | ({"loss": losses} if losses else {})))


def test_a_threshold_far_too_low_is_found(clinic):
    finding = clinic.named("clip_too_tight", "over_clipping")
    assert finding.severity == "error"
    assert finding.evidence[1].value > 0.9


def test_the_ratio_and_the_remedy_are_of_the_norms(tmp_path):
    finding = judge(tmp_path, [1.0] * 10)
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == pytest.approx([100.0, 1.0, 1.0])
    assert f"{np.quantile(BEFORE, 0.9):.2g}" in finding.remedy
    assert finding.steps == (1, 10)


@pytest.mark.parametrize(
    ("after", "losses"),
    [
        (BEFORE / 3, ONES),
        ([1.0] * 10, LEARNT),
        ([*BEFORE[:5], *[1.0] * 5], ONES),
        ([1.0] * 10, [1.0] * 20 + [np.inf] * 20),
    ],
    ids=["a habit", "learns", "every other step", "lost"],
)
def test_other_clipping_passes(tmp_path, after, losses):
    assert judge(tmp_path, after, losses) is None


def test_without_clipping_losses_or_records_nothing_can_be_said(tmp_path):
    assert isinstance(over_clipping(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", [1.0] * 10, []), NotEnough)
    assert isinstance(judge(tmp_path / "c", [1.0] * 3, before=BEFORE[:3]), NotEnough)
