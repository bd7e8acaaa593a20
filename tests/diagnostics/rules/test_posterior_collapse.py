from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.posterior_collapse import posterior_collapse
from tests.diagnostics.written import LEARNT, STUCK, layer, written

NET = [*layer("enc", "32x64"), *layer("a", "4x32"), *layer("b", "4x32"), *layer("dec", "64x4")]
FADING = np.geomspace(0.3, 0.001, 10)
WIRES = {"a": "enc", "b": "enc"}


def judge(path, *, mean=0.0, std=0.2, log_mean=0.0, log_std=0.2, net=NET, wires=WIRES, **others):
    rows = {t.name: {} for t in net if t.role == "output"}
    rows["a"] = {"mean": mean, "std": std}
    if "b" in rows:
        rows["b"] = {"mean": log_mean, "std": log_std}
    others = {"scalars": {"loss": STUCK}, "events": [(1, "wiring", wires)], **others}
    return posterior_collapse(written(path, net, {"activations": rows}, **others))


def test_heads_that_fade_to_nought_are_found(tmp_path):
    finding = judge(tmp_path, std=FADING, log_std=FADING)
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("posterior_collapse", "error")
    assert finding.layers == ("a", "b")
    assert finding.steps[1] == 10


def test_the_divergence_is_that_of_a_normal_distribution(tmp_path):
    """KL(N(m, v) || N(0, 1)) = (m² + v - 1 - log v) / 2, here of equal latents."""
    mean = np.linspace(0.5, 0.05, 10)
    finding = judge(tmp_path, mean=mean, std=0.0, log_mean=-mean, log_std=0.0)
    assert isinstance(finding, Finding)
    exact = (mean**2 + np.exp(-mean) - 1 + mean) / 2
    assert finding.evidence[0].value == pytest.approx(np.median(exact[5:]), rel=1e-5)


def test_a_code_in_use_passes(tmp_path):
    assert judge(tmp_path, std=1.0, log_mean=-2.3, log_std=0.3) is None


def test_what_never_held_anything_may_be_no_code(tmp_path):
    assert judge(tmp_path, std=0.05, log_std=0.05) is None


def test_queries_keys_and_values_are_three(tmp_path):
    net = [*layer("enc", "4x32")]
    for name in "abc":
        net += layer(name, "4x4")
    wires = dict.fromkeys("abc", "enc")
    net += layer("dec", "4x4")
    assert judge(tmp_path, std=FADING, log_std=FADING, net=net, wires=wires) is None


def test_heads_whose_very_outputs_go_on_are_no_code(tmp_path):
    assert judge(tmp_path, std=FADING, log_std=FADING, wires=WIRES | {"dec": "a"}) is None


def test_one_head_for_both_is_found_where_the_training_goes_badly(tmp_path):
    net = [*layer("enc", "32x64"), *layer("a", "8x32"), *layer("dec", "64x4")]
    one = {"net": net, "wires": {"a": "enc"}, "std": FADING}
    finding = judge(tmp_path / "a", **one)
    assert isinstance(finding, Finding)
    assert finding.layers == ("a",)
    assert judge(tmp_path / "b", **one, scalars={"loss": LEARNT}) is None


def test_too_little_is_not_enough(tmp_path):
    assert isinstance(posterior_collapse(written(tmp_path / "a")), NotEnough)
    assert isinstance(judge(tmp_path / "b", steps=[1, 2]), NotEnough)
