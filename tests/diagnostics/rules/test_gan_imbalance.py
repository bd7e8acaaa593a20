from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.gan_imbalance import gan_imbalance
from tests.diagnostics.written import layer, written

GAME = {"optimizer/0.0/lr": [1e-3], "optimizer/1.0/lr": [1e-3]}
NET = [*layer("critic.0", "8x8"), *layer("generator.0", "8x8")]
FADES = np.geomspace(1.0, 1e-6, 10)


def judge(path, critic=1.0, generator=1.0, paces=(1e-3, 1e-3), game=GAME, **others):
    names = ("critic.0.weight", "generator.0.weight")
    series = {
        "gradients": {n: {"norm": g} for n, g in zip(names, (critic, generator), strict=True)},
        "weights": {name: {"std": 1.0} for name in names},
        "updates": {n: {"std": pace} for n, pace in zip(names, paces, strict=True)},
    }
    return gan_imbalance(written(path, NET, series, scalars=game, **others))


def test_a_player_that_hardly_moves_is_named(tmp_path):
    finding = judge(tmp_path, paces=(1e-6, 1e-3))
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("gan_imbalance", "error")
    assert finding.layers == ("critic",)
    assert finding.evidence[0].value == pytest.approx(1e-3, rel=1e-4)


def test_a_player_without_a_gradient_is_named(tmp_path):
    finding = judge(tmp_path, generator=FADES)
    assert isinstance(finding, Finding)
    assert finding.layers == ("generator",)
    assert finding.evidence[0].value == pytest.approx(float(np.median(FADES[-5:])), rel=1e-4)


def test_a_game_in_which_nothing_is_left_to_learn_is_found(tmp_path):
    finding = judge(tmp_path, critic=FADES, generator=FADES)
    assert isinstance(finding, Finding)
    assert finding.layers == ("critic", "generator")
    assert "Both" in finding.symptom


def test_a_fair_game_passes(tmp_path):
    assert judge(tmp_path, critic=0.5, paces=(4e-3, 1e-3)) is None


def test_what_is_no_game_is_let_be(tmp_path):
    alone = {"optimizer/0/lr": [1e-3]}
    assert judge(tmp_path / "a", paces=(1e-6, 1e-3), game=alone) is None
    judged = [(1, "loss", {"kind": "CrossEntropyLoss", "on": "answer"})]
    assert judge(tmp_path / "b", paces=(1e-6, 1e-3), events=judged) is None


def test_few_records_are_not_enough(tmp_path):
    assert isinstance(judge(tmp_path, steps=[1, 2]), NotEnough)
