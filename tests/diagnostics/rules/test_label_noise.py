from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.label_noise import label_noise
from tests.diagnostics.told import SQUARES, asked
from tests.diagnostics.written import STUCK, written

BY_HEART = list(np.linspace(1.0, 0.5, 40))
GUESSED = [1.0, 1.0, 1.1, 1.2]


def judge(path, losses=BY_HEART, validation=GUESSED, **others):
    scalars = {"loss": losses, "val_loss": validation, **SQUARES}
    given = {name: told for name, told in scalars.items() if told} | others.pop("scalars", {})
    return label_noise(written(path, scalars=given, events=[asked()], **others))


def test_labels_that_do_not_follow_the_inputs_are_found(clinic):
    finding = clinic.named("labels_shuffled", "label_noise")
    assert finding.severity == "warning"


def test_losses_are_measured_in_what_guessing_costs(tmp_path):
    finding = judge(tmp_path)
    assert isinstance(finding, Finding)
    best, trained, least = finding.evidence
    assert best.value == pytest.approx(1.0)
    assert trained.value == pytest.approx(np.median(BY_HEART[-4:]))
    assert least.value == pytest.approx(BY_HEART[-1], abs=0.02)
    assert finding.steps[0] == 4


@pytest.mark.parametrize(
    ("losses", "validation"),
    [(BY_HEART, [1.0, 0.8, 0.9, 1.2]), (STUCK, GUESSED), ([*BY_HEART, *[9.0] * 20], GUESSED)],
    ids=["something carries over", "nothing is learnt", "lost"],
)
def test_other_trainings_pass(tmp_path, losses, validation):
    assert judge(tmp_path, losses, validation) is None


@pytest.mark.parametrize(("score", "is_found"), [(0.9, False), (0.55, True)])
def test_a_score_far_above_a_guess_shows_that_labels_follow(tmp_path, score, is_found):
    """Of two classes that are as common, half are guessed."""
    counts = np.array([[[50, 50, 40], [50, 50, 40]]], float)
    arrays = {"answers/classes": ("[class, …]", [40], counts)}
    verdict = judge(tmp_path, scalars={"val_accuracy": [score] * 4}, arrays=arrays)
    assert isinstance(verdict, Finding) is is_found


def test_without_enough_losses_nothing_can_be_said(tmp_path):
    assert isinstance(judge(tmp_path / "a", losses=[]), NotEnough)
    assert isinstance(judge(tmp_path / "b", validation=GUESSED[:3]), NotEnough)
    scalars = {"loss": BY_HEART, "val_loss": GUESSED}
    assert isinstance(label_noise(written(tmp_path / "c", scalars=scalars)), NotEnough)
