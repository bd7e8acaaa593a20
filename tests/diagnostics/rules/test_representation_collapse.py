from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.representation_collapse import representation_collapse
from tests.diagnostics.written import LEARNT, layer, written

NET = [*layer("0", "32x64"), *layer("2", "8x32")]
FALLS = list(np.geomspace(0.4, 0.004, 20))


def judge(path, spreads=FALLS, net=NET, scalars=None, **others):
    scalars = {"loss": LEARNT, "answers/spread": spreads, **(scalars or {})}
    return representation_collapse(written(path, net, scalars=scalars, **others))


def test_embeddings_that_draw_together_are_found_whatever_the_loss(tmp_path):
    finding = judge(tmp_path)
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("representation_collapse", "error")
    assert finding.evidence[0].value == pytest.approx(np.median(FALLS[-5:]))
    first = int(np.flatnonzero(np.array(FALLS) < 0.05)[0]) + 1
    assert finding.steps == (first, 20)


def test_predictions_for_a_fixed_batch_tell_it_too(tmp_path):
    generator = np.random.default_rng(0)
    apart = generator.normal(size=(10, 16, 8))
    values = 1 + apart * np.geomspace(1, 1e-3, 10)[:, None, None]
    arrays = {"outputs": ("[example, output]", range(1, 11), values)}
    finding = representation_collapse(written(tmp_path, NET, arrays=arrays))
    assert isinstance(finding, Finding)


def test_embeddings_that_stay_apart_pass(tmp_path):
    assert judge(tmp_path / "a", [0.4] * 20) is None
    assert judge(tmp_path / "b", [0.04] * 20) is None  # and were no further apart at first


@pytest.mark.parametrize(
    "others",
    [
        {"events": [(1, "loss", {"kind": "CrossEntropyLoss", "on": "answer"})]},
        {"scalars": {"answers/accuracy": [0.1] * 5}},
        {"scalars": {"optimizer/0.0/lr": [1.0], "optimizer/1.0/lr": [1.0]}},
        {"net": [*layer("0", "8x64"), *layer("2", "64x8")]},
    ],
    ids=["a loss on answers", "classes", "a game", "an autoencoder"],
)
def test_what_is_no_embedding_is_let_be(tmp_path, others):
    assert judge(tmp_path, **others) is None


def test_too_little_is_not_enough(tmp_path):
    assert isinstance(representation_collapse(written(tmp_path / "a", NET)), NotEnough)
    assert isinstance(judge(tmp_path / "b", [0.4, 0.004]), NotEnough)
