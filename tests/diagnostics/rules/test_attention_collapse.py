from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.attention_collapse import attention_collapse
from tests.diagnostics.written import LEARNT, STUCK, written

ABOUT = "[head, (entropy relative to uniform, largest weight)]"


def judge(path, entropies, losses=STUCK):
    """[t, head] of two modules."""
    entropy = np.asarray(entropies, float)
    both = np.stack([entropy, 1 - entropy], 2)
    steps = range(1, len(entropy) + 1)
    arrays = {f"attention/{name}": (ABOUT, steps, both) for name in ("a", "b")}
    return attention_collapse(written(path, arrays=arrays, scalars={"loss": losses}))


def test_heads_that_look_at_one_token_are_found(tmp_path):
    finding = judge(tmp_path, [[0.01, 0.02]] * 10)
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("attention_collapse", "error")
    assert finding.layers == ("a", "b")
    assert finding.steps == (1, 10)
    entropy, share = finding.evidence
    assert entropy.value == pytest.approx(0.015)
    assert share.value == 1.0


def test_what_collapses_on_the_way_is_dated(tmp_path):
    finding = judge(tmp_path, [[0.9, 0.8]] * 5 + [[0.01, 0.02]] * 15)
    assert isinstance(finding, Finding)
    assert finding.steps == (6, 20)


@pytest.mark.parametrize(
    ("entropies", "losses"),
    [
        ([[0.4, 0.6]] * 10, STUCK),
        ([[0.01, 0.02]] * 10, LEARNT),
        ([[0.01, 0.02]] * 5 + [[0.6, 0.7]] * 15, STUCK),
    ],
    ids=["soft", "sharp and well", "sharp at first"],
)
def test_healthy_ones_pass(tmp_path, entropies, losses):
    assert judge(tmp_path, entropies, losses) is None


def test_one_head_of_many_is_no_collapse(tmp_path):
    assert judge(tmp_path, [[0.01, 0.6, 0.7]] * 10) is None


def test_no_attention_is_nothing_and_few_records_not_enough(tmp_path):
    assert attention_collapse(written(tmp_path / "a")) is None
    assert isinstance(judge(tmp_path / "b", [[0.0, 0.0]]), NotEnough)
