"""Each guard on a network that has the fault, and on one that has not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diagnostics.dropout_findings import (
    changed_shape,
    far_from_plain,
    findings_of,
    never_fired,
    other_way,
    random_plain,
    silent,
    writes,
)
from diagnostics.uncertainty import Estimate, Reading, uncertainty
from tests.diagnostics.masked import ABOUT, Drawn, Guards, masked

SOUND = masked(p=(0.2, 0.3)).draws(100)
PASSES = [SOUND.plain, SOUND.plain]


def diseases(drawn=SOUND, passes=PASSES, gap=None):
    found = uncertainty(drawn.values)
    return [f.disease for f in findings_of(ABOUT, drawn, passes, found, gap)]


def test_a_sound_network_has_no_finding():
    assert diseases() == []


def test_no_spread_at_all_is_an_error_that_names_who_never_fired():
    drawn = masked(p=(0.2, 0.3), never=("inner", "outer")).draws(20)
    found = silent(drawn, ABOUT)
    assert found.severity == "error"
    assert found.layers == ("inner", "outer")
    assert "never fired: inner, outer" in found.symptom
    assert never_fired(drawn, ABOUT) is None  # said already
    assert diseases(drawn) == ["dropout_without_effect"]


def test_a_rate_of_nought_and_a_network_without_dropout_are_silent_too():
    assert "all 2 dropouts fired" in silent(masked(p=(0.0, 0.0)).draws(5), ABOUT).symptom
    bare = Drawn(np.ones((4, 3)), np.ones(3), ())
    assert "nothing in the network is random" in silent(bare, ABOUT).symptom
    assert silent(SOUND, ABOUT) is None


def test_one_dropout_of_two_that_never_fires_is_named():
    found = never_fired(masked(p=(0.2, 0.3), never=("inner",)).draws(20), ABOUT)
    assert (found.severity, found.layers) == ("warning", ("inner",))
    assert never_fired(SOUND, ABOUT) is None


def test_a_dropout_of_rate_nought_is_no_mistake_beside_others():
    drawn = masked(p=(0.0, 0.3), never=("inner",)).draws(20)
    assert never_fired(drawn, ABOUT) is None


def test_plain_passes_are_to_agree_to_the_bit():
    moved = SOUND.plain + np.array([1e-9, 0, 0, 0, 0])[:, None]
    found = random_plain(SOUND, [SOUND.plain, moved], ABOUT)
    assert found.disease == "prediction_not_fixed"
    assert 0.9e-9 < found.evidence[0].value < 1.1e-9
    unlike = random_plain(SOUND, [SOUND.plain, SOUND.plain[:3]], ABOUT)
    assert unlike.evidence[0].value == np.inf
    lost = np.full(3, np.nan)
    assert random_plain(SOUND, [lost, lost], ABOUT) is None


def test_what_stays_random_in_evaluation_is_named_though_the_passes_hide_it():
    always = replace(SOUND, guards=Guards(always=("attention",), restless=np.nan))
    found = random_plain(always, PASSES, ABOUT)
    assert found.layers == ("attention",)
    assert "random in evaluation, too: attention" in found.symptom
    restless = replace(SOUND, guards=Guards(restless=0.25))
    assert random_plain(restless, PASSES, ABOUT).evidence[0].value == 0.25
    assert random_plain(SOUND, PASSES, ABOUT) is None


def test_a_model_that_a_pass_writes_to_is_told_with_what():
    names = tuple(f"{n}.running_mean" for n in range(10))
    found = writes(replace(SOUND, guards=Guards(changed=names)), ABOUT)
    assert (found.severity, found.layers) == ("error", names)
    assert "7.running_mean and 2 more." in found.symptom
    assert writes(SOUND, ABOUT) is None


def test_training_is_to_be_evaluation_but_for_dropout():
    assert other_way(replace(SOUND, guards=Guards(gap=0.02)), ABOUT).evidence[0].value == 0.02
    assert other_way(replace(SOUND, guards=Guards(gap=1e-6)), ABOUT) is None
    assert other_way(replace(SOUND, guards=Guards(gap=np.nan)), ABOUT) is None


def test_another_shape_in_training_is_told_with_both():
    found = changed_shape(replace(SOUND, plain=SOUND.plain[:, 0]), ABOUT)
    assert "(5, 1)" in found.symptom
    assert "(5,)" in found.symptom


def test_a_mean_far_from_the_plain_prediction_is_told_in_spreads():
    found = uncertainty(SOUND.values)
    far = far_from_plain(found, np.array([5.0, -5.0, 4.0, np.nan, 0.0])[:, None], ABOUT)
    assert far.severity == "hint"
    assert far.evidence[0].value == 3 / 5
    assert "by 0.5 of a prediction's standard deviation" in far.symptom  # 5 errors of 100 draws
    assert far_from_plain(found, np.full((5, 1), 2.9), ABOUT) is None
    assert far_from_plain(found, np.full((5, 1), np.nan), ABOUT) is None
    assert far_from_plain(found, None, ABOUT) is None


def test_of_few_draws_chance_alone_leaves_many_means_far_from_the_plain_one():
    gap = np.full((5, 1), 9.0)
    few, some = (uncertainty(SOUND.values[:draws]) for draws in (9, 10))
    assert far_from_plain(few, gap, ABOUT) is None
    assert far_from_plain(some, gap, ABOUT) is not None


def test_a_gap_that_is_sure_but_small_is_no_finding():
    many = uncertainty(masked(p=(0.2, 0.3)).draws(2000).values)
    assert far_from_plain(many, np.full((5, 1), 4.4), ABOUT) is None  # 4.4 / sqrt(2000) < 0.1
    assert far_from_plain(many, np.full((5, 1), 4.6), ABOUT) is not None
    noisy = uncertainty(SOUND.values, Reading(noise=100.0))
    assert far_from_plain(noisy, np.full((5, 1), 9.0), ABOUT) is None


def test_classes_are_far_apart_by_two_hundredths_of_probability():
    logits = np.random.default_rng(0).normal(size=(4000, 4, 3))
    found = uncertainty(logits, Reading("logits"))
    gap = np.zeros((4, 3))
    gap[0, 1] = 0.03 / found.mean.error[0, 1]
    far = far_from_plain(found, gap, ABOUT)
    assert far.evidence[0].value == 1 / 4
    assert "by 0.03 of probability" in far.symptom
    few = replace(found, mean=Estimate(found.mean.value, found.mean.error * 0.6))  # by 0.018
    assert far_from_plain(few, gap, ABOUT) is None


def test_the_worst_is_told_first():
    drawn = masked(p=(0.2, 0.3), never=("inner",)).draws(10)
    drawn = replace(drawn, guards=Guards(("inner",), changed=("1.running_mean",), gap=1.0))
    found = diseases(drawn, [SOUND.plain, SOUND.plain + 1], np.full((5, 1), 9.0))
    assert found == [
        "prediction_not_fixed",
        "prediction_changes_the_model",
        "dropout_never_fired",
        "training_differs_from_evaluation",
        "too_few_draws",
        "mean_far_from_plain",
    ]
