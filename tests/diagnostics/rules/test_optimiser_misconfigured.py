from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.optimiser_misconfigured import optimiser_misconfigured
from tests.diagnostics.told import ONES, of_optimizer
from tests.diagnostics.written import LEARNT, layer, written

NET = layer("0", "10x10")
SANE = {"eps": 1e-8, "beta1": 0.9, "beta2": 0.999}


def judge(path, *, reach=0.001, losses=ONES, **settings):
    """With a rate of 0.1; `reach` is how far a weight moves per unit of it."""
    series = {"weights": {"0.weight": {}}, "updates": {"0.weight": {"std": 0.1 * reach}}}
    scalars = {"loss": losses, **of_optimizer(lr=0.1, **settings)}
    given = {name: told for name, told in scalars.items() if told}
    return optimiser_misconfigured(written(path, NET, series, scalars=given))


def test_an_eps_that_drowns_the_gradient_is_found(clinic):
    finding = clinic.named("adam_huge_eps", "optimiser_misconfigured")
    assert finding.severity == "error"
    assert finding.evidence[0].name == "eps"


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({"eps": 1.0}, "eps", 1.0),
        ({"beta2": 0.01}, "second beta", 0.01),
    ],
)
def test_the_constant_is_named_with_its_value(tmp_path, settings, name, value):
    finding = judge(tmp_path, **(SANE | settings))
    assert isinstance(finding, Finding)
    constant, reach = finding.evidence
    assert (constant.name, constant.value) == (name, value)
    assert reach.value == pytest.approx(0.001, rel=1e-4)


def test_defaults_pass_however_the_training_goes(tmp_path):
    assert judge(tmp_path, **SANE) is None


def test_settings_that_serve_are_let_be(tmp_path):
    assert judge(tmp_path / "learns", losses=LEARNT, **(SANE | {"eps": 1.0})) is None
    assert judge(tmp_path / "moves", reach=0.5, **(SANE | {"eps": 1.0})) is None


def test_without_such_settings_or_losses_nothing_can_be_said(tmp_path):
    assert isinstance(judge(tmp_path / "a"), NotEnough)
    assert isinstance(judge(tmp_path / "b", losses=[], **SANE), NotEnough)
