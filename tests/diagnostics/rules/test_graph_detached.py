from __future__ import annotations

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.graph_detached import graph_detached
from tests.diagnostics.written import layer, tensor, written

NET = [*layer("0", "8x8"), tensor("0.bias", "bias", "8"), *layer("1", "8x8"), *layer("2", "3x8")]


def judge(path, *reached, net=NET, ran=("0", "1", "2"), steps=(1, 2, 3)):
    """Which parameters got a gradient, and which layers ran: others have no output."""
    net = [t for t in net if t.role != "output" or t.module in ran]
    series = {"gradients": {n: {} for n in reached}, "activations": {n: {} for n in ran}}
    return graph_detached(written(path, net, series, steps=steps))


def test_a_cut_before_the_decoder_is_found(clinic):
    finding = clinic.named("detach_before_decoder", "graph_detached")
    assert finding.severity == "error"
    assert finding.evidence[0].value == len(finding.layers) >= 1


def test_layers_before_the_cut_are_named(tmp_path):
    finding = judge(tmp_path, "2.weight")
    assert isinstance(finding, Finding)
    assert (finding.layers, finding.steps) == (("0", "1"), (1, 3))


def test_whole_graphs_pass(tmp_path):
    assert judge(tmp_path, "0.weight", "0.bias", "1.weight", "2.weight") is None


def test_outputs_that_nobody_uses_are_let_be(tmp_path):
    assert judge(tmp_path, "0.weight", "0.bias", "1.weight") is None


def test_layers_that_did_not_run_or_that_are_reached_in_part_are_let_be(tmp_path):
    assert judge(tmp_path / "ran", "1.weight", "2.weight", ran=("1", "2")) is None
    assert judge(tmp_path / "part", "0.weight", "1.weight", "2.weight") is None


def test_what_is_frozen_says_so_itself(tmp_path):
    frozen = [tensor("0.weight", "matrix", "8x8", trainable=False), NET[1], *NET[3:]]
    assert judge(tmp_path, "1.weight", "2.weight", net=frozen) is None


def test_a_layer_may_be_skipped_once(tmp_path):
    assert judge(tmp_path, "2.weight", steps=(1,)) is None


def test_without_gradients_or_outputs_nothing_can_be_said(tmp_path):
    assert isinstance(graph_detached(written(tmp_path, NET)), NotEnough)
