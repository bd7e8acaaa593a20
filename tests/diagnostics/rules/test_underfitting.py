from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.underfitting import underfitting
from tests.diagnostics.told import SQUARES, asked
from tests.diagnostics.written import LEARNT, layer, written

STOPS = [*[1.0] * 3, *np.linspace(1.0, 0.7, 10), *[0.7] * 47]


def judge(path, width=3, losses=STOPS, validation=(1.0, 0.7), size=32.0):
    net = [*layer("0", f"{width}x8"), *layer("1", f"2x{width}")]
    scalars = {"loss": list(losses), "val_loss": list(validation), "batches/size": [size]}
    given = {name: told for name, told in (scalars | SQUARES).items() if told}
    steps = (1, 60)
    told = written(path, net, {"weights": {}}, steps=steps, scalars=given, events=[asked()])
    return underfitting(told)


def test_a_model_that_is_too_narrow_is_found(clinic):
    finding = clinic.named("underfit_narrow", "underfitting")
    assert finding.severity == "error"
    assert len(finding.layers) == 1


def test_the_narrowest_layer_is_named(tmp_path):
    finding = judge(tmp_path)
    assert isinstance(finding, Finding)
    assert finding.layers == ("0",)
    assert [e.value for e in finding.evidence[:2]] == pytest.approx([0.7, 3])


def test_a_wide_model_is_small_beside_a_large_table(tmp_path):
    assert judge(tmp_path / "small", width=40) is None
    finding = judge(tmp_path / "large", width=40, size=1e6)
    assert isinstance(finding, Finding)
    assert finding.evidence[1].value == pytest.approx((40 * 8 + 2 * 40) / 60e6)


@pytest.mark.parametrize(
    ("losses", "validation"),
    [
        (LEARNT, (1.0, 0.0)),
        (np.linspace(1.5, 0.6, 60), (1.0, 0.6)),
        (STOPS, (1.0, 1.4)),
        ([1.0] * 40 + [np.nan] * 20, (1.0, 0.7)),
    ],
    ids=["learns", "not done", "validation is worse", "lost"],
)
def test_other_trainings_pass(tmp_path, losses, validation):
    assert judge(tmp_path, 3, losses, validation) is None


def test_without_weights_or_chance_nothing_can_be_said(tmp_path):
    scalars = {"loss": STOPS, **SQUARES}
    told = written(tmp_path / "a", scalars=scalars, events=[asked()])
    assert isinstance(underfitting(told), NotEnough)
    told = written(tmp_path / "b", layer("0", "2x2"), scalars={"loss": STOPS})
    assert isinstance(underfitting(told), NotEnough)
