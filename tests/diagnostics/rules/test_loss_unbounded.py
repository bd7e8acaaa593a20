from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.loss_unbounded import loss_unbounded
from tests.diagnostics.written import LEARNT, layer, written

SPAN = np.linspace(0, 1, 100)


def judge(path, losses):
    net, steps, scalars = layer("0", "2x2"), (1, len(losses)), {"loss": list(losses)}
    return loss_unbounded(written(path, net, {"weights": {}}, steps=steps, scalars=scalars))


def test_a_loss_without_a_floor_is_found(clinic):
    finding = clinic.named("nll_of_logits", "loss_unbounded")
    assert finding.severity == "error"
    assert finding.steps[0] >= 1


def test_a_straight_fall_goes_on_as_fast_as_before(tmp_path):
    finding = judge(tmp_path, 4 - 40 * SPAN)
    assert isinstance(finding, Finding)
    depth, pace = finding.evidence
    assert depth.value == pytest.approx((40 - 4) / (5 * np.std(4 - 40 * SPAN[:20])), rel=0.1)
    assert pace.value == pytest.approx(1.0, rel=0.1)
    assert finding.steps == (1 + int(np.argmax(40 * SPAN > 4)), 100)


@pytest.mark.parametrize(
    "losses",
    [LEARNT, 4 - 40 * (1 - np.exp(-8 * SPAN)), 4 - 4.2 * SPAN, 1 - 4 * np.sin(9 * SPAN)],
    ids=["above zero", "settles", "hardly below", "comes and goes"],
)
def test_losses_with_a_floor_pass(tmp_path, losses):
    assert judge(tmp_path, losses) is None


def test_what_is_short_or_not_finite_is_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", 4 - 40 * SPAN[:15]), NotEnough)
    assert isinstance(judge(tmp_path / "b", [*(4 - 40 * SPAN), *[np.nan] * 20]), NotEnough)
    assert isinstance(loss_unbounded(written(tmp_path / "c")), NotEnough)
