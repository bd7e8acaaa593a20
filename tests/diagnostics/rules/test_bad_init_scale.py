from __future__ import annotations

import pytest
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.bad_init_scale import bad_init_scale
from tests.diagnostics.written import LEARNT, STUCK, layer, tensor, written
from tests.trainings import deep, record

NET = [*layer("0", "16x16"), *layer("1", "16x16"), *layer("2", "3x16")]
MIXED = {"batches/classes_seen": [3.0] * 10}


def judge(path, stds, *, outputs=(1.0, 1.0, 1.0), losses=STUCK, update=0.0, net=NET):
    weights = {f"{n}.weight": {"std": std} for n, std in enumerate(stds)}
    series = {
        "weights": weights,
        "updates": {name: {"std": update} for name in weights},
        "activations": {str(n): {"std": std} for n, std in enumerate(outputs)},
    }
    return bad_init_scale(written(path, net, series, scalars={"loss": losses, **MIXED}))


@pytest.mark.parametrize(("gain", "word"), [(0.01, "small"), (20.0, "large")])
def test_weights_far_from_their_scale_are_found(tmp_path, gain, word):
    run = Run(record(tmp_path / "run", deep(nn.Tanh, gain=gain), steps=12, rate=1e-4))
    finding = bad_init_scale(run)
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("bad_init_scale", "error")
    assert f"start too {word}" in finding.symptom
    assert finding.steps == (1, 1)


def test_the_gain_is_the_rms_times_the_root_of_the_inputs(tmp_path):
    finding = judge(tmp_path, (2.0, 1.0, 1.0), update=0.1)
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx((1 - 0.1) * 4)  # surely at least that


@pytest.mark.parametrize("std", [1.4 / 4, 0.58 / 4], ids=["He", "torch's own"])
def test_usual_scales_pass_however_the_training_goes(tmp_path, std):
    assert judge(tmp_path, (std, std, std)) is None


def test_a_training_that_goes_well_is_let_be(tmp_path):
    assert judge(tmp_path, (2.0, 2.0, 2.0), losses=LEARNT) is None


def test_steps_larger_than_the_weights_leave_it_open(tmp_path):
    assert judge(tmp_path, (2.0, 2.0, 2.0), update=3.0) is None


def test_a_signal_that_dies_out_is_found_though_each_gain_is_modest(tmp_path):
    finding = judge(tmp_path, (0.1, 0.1, 0.1), outputs=(1.0, 0.001, 1.0))
    assert isinstance(finding, Finding)
    assert finding.evidence[0].value == pytest.approx(0.001, rel=1e-5)


def test_a_normalisation_makes_up_for_small_weights(tmp_path):
    small = (0.01, 0.01, 0.01)
    assert isinstance(judge(tmp_path / "a", small), Finding)
    assert judge(tmp_path / "b", small, net=[*NET, tensor("n.weight", "norm", "16")]) is None


def test_a_large_head_counts_only_with_a_first_loss_far_above_chance(tmp_path):
    stds = (0.25, 0.25, 5.0)
    assert judge(tmp_path / "a", stds) is None
    finding = judge(tmp_path / "b", stds, losses=[50.0] * 40)
    assert isinstance(finding, Finding)
    assert finding.layers[0] == "2"


def test_no_weights_are_not_enough(tmp_path):
    assert isinstance(bad_init_scale(written(tmp_path)), NotEnough)
