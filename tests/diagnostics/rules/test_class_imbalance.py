from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.class_imbalance import class_imbalance
from tests.diagnostics.written import STUCK, written

ABOUT = "[class, (asked, answered, right)]"


def judge(path, asked, right, early_right=None):
    """Counts of each look, at steps 10, 20, 30 and 40; answers are not needed."""
    late, early = ([asked, asked, told] for told in (right, early_right or right))
    looks = np.array([early, early, late, late], float).transpose(0, 2, 1)
    arrays = {"answers/classes": (ABOUT, [10, 20, 30, 40], looks)}
    return class_imbalance(written(path, arrays=arrays, scalars={"loss": STUCK}))


def test_a_rare_class_that_is_never_answered_is_found(clinic):
    finding = clinic.named("rare_cloud_ignored", "class_imbalance")
    recall, share = finding.evidence
    assert recall.value < 0.1
    assert share.value < 0.2


def test_its_recall_and_share_are_those_of_the_counts(tmp_path):
    finding = judge(tmp_path, [180, 20, 10], [180, 15, 0])
    assert isinstance(finding, Finding)
    assert "Class 2" in finding.symptom
    assert [e.value for e in finding.evidence] == pytest.approx([0.0, 10 / 180])
    assert finding.steps == (20, 40)


def test_what_is_answered_in_the_end_was_merely_learnt_late(tmp_path):
    late = judge(tmp_path / "late", [180, 0, 10], [180, 0, 8], early_right=[180, 0, 0])
    assert not isinstance(late, Finding)


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ([180, 20], [180, 10]),
        ([100, 90], [100, 0]),
        ([180, 10], [90, 0]),
    ],
    ids=["answered", "not rare", "nothing is right"],
)
def test_other_counts_pass(tmp_path, asked, right):
    assert judge(tmp_path, asked, right) is None


def test_one_rare_class_of_many_passes(tmp_path):
    assert judge(tmp_path, [60, 60, 58, 9], [60, 60, 58, 0]) is None


def test_a_class_that_is_hardly_ever_asked_for_leaves_it_open(tmp_path):
    assert isinstance(judge(tmp_path, [180, 1], [180, 0]), NotEnough)


def test_without_classes_nothing_can_be_said(tmp_path):
    assert isinstance(class_imbalance(written(tmp_path)), NotEnough)
