from __future__ import annotations

import pytest
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.vanishing_gradient import vanishing_gradient
from diagnostics.signs.harm import Harm
from tests.diagnostics.recurrent import Cell
from tests.trainings import Transformer, cnn, deep, record


def judge(path, model, **options):
    return vanishing_gradient(Run(record(path / "run", model, **{"steps": 12, **options})))


def test_a_deep_sigmoid_net_is_found_with_its_proof(tmp_path):
    finding = judge(tmp_path, deep(nn.Sigmoid))
    assert isinstance(finding, Finding)
    assert finding.disease == "vanishing_gradient"
    assert finding.severity == "error"
    assert finding.layers[0] == "0"
    assert finding.steps == (1, 12)
    assert all(e.passes == "below" and e.value < e.threshold for e in finding.evidence)
    assert "kaiming" in finding.remedy


@pytest.mark.parametrize("model", [lambda: deep(nn.ReLU, gain=2**0.5), cnn, Transformer])
def test_healthy_nets_pass(tmp_path, model):
    assert not isinstance(judge(tmp_path, model()), Finding)


def test_small_weights_show_in_the_biases_though_the_weights_hide_it(tmp_path):
    """Activations shrink as gradients do; a weight's gradient is the product of both."""
    finding = judge(tmp_path, deep(nn.Tanh, gain=0.1))
    assert isinstance(finding, Finding)
    assert "bias gradient" in finding.symptom


def test_a_net_that_recovers_is_warned_of(tmp_path):
    model = deep(nn.Sigmoid)

    def heal(step: int) -> None:
        if step == 10:
            for n, layer in enumerate(model):
                if isinstance(layer, nn.Linear):
                    nn.init.kaiming_normal_(layer.weight)
                elif isinstance(layer, nn.Sigmoid):
                    model[n] = nn.ReLU()

    finding = judge(tmp_path, model, steps=60, at_step=heal)
    assert isinstance(finding, Finding)
    assert finding.severity == "warning"
    assert "recovers" in finding.symptom


def test_what_begins_late_is_dated_so(tmp_path):
    model = deep(nn.ReLU, gain=2**0.5)

    def spoil(step: int) -> None:
        if step == 20:
            for n, layer in enumerate(model):
                if isinstance(layer, nn.ReLU):
                    model[n] = nn.Sigmoid()

    finding = judge(tmp_path, model, steps=40, at_step=spoil)
    assert isinstance(finding, Finding)
    assert "from step 21 on" in finding.symptom
    assert finding.steps == (21, 40)


def test_a_gradient_that_is_gone_altogether_is_found(tmp_path):
    finding = judge(tmp_path, deep(nn.Sigmoid, depth=80))
    assert isinstance(finding, Finding)
    assert "no gradient at all" in finding.evidence[1].name


class Gate(nn.Module):
    factor = 0.0

    def forward(self, h):
        return h * self.factor


def test_a_part_that_is_let_in_later_is_no_finding(tmp_path):
    model = deep(nn.LeakyReLU, gain=2**0.5)
    model.insert(6, gate := Gate())

    def open_up(step: int) -> None:
        gate.factor = float(step >= 5)

    assert not isinstance(judge(tmp_path, model, steps=40, at_step=open_up), Finding)


@pytest.mark.parametrize(
    ("model", "options", "reason"),
    [
        (lambda: deep(nn.Sigmoid), {"steps": 2}, "too few records so far: 2"),
        (lambda: nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3)), {}, "it has 2"),
        (lambda: deep(nn.Sigmoid), {"every": 1, "layers": "0.*"}, "it has 1"),
    ],
)
def test_too_little_is_not_judged(tmp_path, model, options, reason):
    answer = judge(tmp_path, model(), **options)
    assert isinstance(answer, NotEnough)
    assert reason in answer.reason


def test_without_gradients_it_says_what_to_record(tmp_path):
    from probes import Weights

    answer = judge(tmp_path, deep(nn.Sigmoid), probes=[Weights()])
    assert isinstance(answer, NotEnough)
    assert "probes.Gradients()" in answer.reason


def test_a_gradient_that_fades_towards_the_past_is_found(tmp_path):
    finding = judge(tmp_path, Cell(0.3), rate=1e-6)
    assert isinstance(finding, Finding)
    assert "towards the past" in finding.symptom
    assert finding.layers == ("step",)


def test_one_that_is_kept_through_time_passes(tmp_path):
    assert not isinstance(judge(tmp_path, Cell(1.0), rate=1e-6), Finding)


def test_in_a_training_that_goes_well_it_is_a_hint(tmp_path, monkeypatch):
    well = Harm(training=0.01, validation=0.01, lost=False)
    monkeypatch.setattr("diagnostics.rules.vanishing_gradient.harm", lambda run: well)
    finding = judge(tmp_path, deep(nn.Sigmoid))
    assert isinstance(finding, Finding)
    assert finding.severity == "hint"


def test_what_dead_rectifiers_cut_off_is_another_disease(tmp_path):
    model = deep(nn.ReLU, gain=2**0.5)
    nn.init.constant_(model[10].bias, -1000.0)
    assert not isinstance(judge(tmp_path, model), Finding)
