"""Entropies add up, and wrong predictions are counted where they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import entr, softmax

from dashboard.dropout.doubt import MOST, doubt_of, entropy_traces, has_tenths, tenth_traces
from dashboard.theme import LIGHT
from tests.dashboard.dropout.ensembles import classes


def test_in_the_order_of_the_predictive_entropy_in_two_parts() -> None:
    found = classes(draws=50)
    doubt = doubt_of(found)
    p = softmax(found.kept.astype(float), -1)
    whole, within = entr(p.mean(0)).sum(-1), entr(p).sum(-1).mean(0)
    between = (whole - within) * 50 / 49  # without what so few draws take off
    order = (within + between).argsort()
    np.testing.assert_allclose(doubt.within, within[order])
    np.testing.assert_allclose(doubt.between, between[order], atol=1e-12)
    np.testing.assert_allclose(doubt.total, doubt.within + doubt.between)
    wrong = p.mean(0).argmax(1) != found.targets
    np.testing.assert_array_equal(doubt.wrong, wrong[order])


def test_areas_stand_upon_one_another_and_crosses_on_top() -> None:
    doubt = doubt_of(classes())
    within, between, crosses = entropy_traces(doubt, LIGHT)
    assert within["stackgroup"] == between["stackgroup"]
    assert between["name"] == "dropout-ensemble spread"
    wrong = doubt.wrong == 1
    np.testing.assert_array_equal(crosses["x"], 1 + np.flatnonzero(wrong))
    np.testing.assert_array_equal(crosses["y"], doubt.total[wrong])


def test_tenths_hold_all_examples_and_say_which_are_wrong() -> None:
    doubt = doubt_of(classes(examples=200))
    by_total, by_spread, flat = tenth_traces(doubt, LIGHT)
    np.testing.assert_allclose(by_total["y"], doubt.wrong.reshape(10, 20).mean(1))
    np.testing.assert_allclose(by_total["x"], np.arange(1, 11) - 0.1)
    assert by_spread["y"].mean() == pytest.approx(doubt.wrong.mean())
    assert flat["y"].tolist() == [doubt.wrong.mean()] * 2
    assert (by_total["error_y"]["array"] > 0).all()
    assert (by_total["y"] - by_total["error_y"]["arrayminus"] >= -1e-12).all()


def test_those_of_one_uncertainty_stay_together_in_the_middle() -> None:
    by_spread = tenth_traces(doubt_of(classes(never=("inner", "outer"))), LIGHT)[1]
    assert by_spread["x"].tolist() == [5.6]


def test_a_target_that_none_is_to_meet_is_neither_right_nor_wrong() -> None:
    doubt = doubt_of(classes(targets=np.full(40, -100)))
    assert np.isnan(doubt.wrong).all()
    assert not has_tenths(doubt)
    assert len(entropy_traces(doubt, LIGHT)) == 2


def test_a_few_examples_have_no_tenths() -> None:
    assert has_tenths(doubt_of(classes(examples=20)))
    assert not has_tenths(doubt_of(classes(examples=19)))


def test_an_example_without_a_number_is_left_out() -> None:
    found = classes()
    found.uncertainty.epistemic.value[3] = np.nan
    assert len(doubt_of(found).total) == 39


def test_of_many_examples_some() -> None:
    area = entropy_traces(doubt_of(classes(draws=4, examples=MOST + 9)), LIGHT)[0]
    assert len(area["x"]) == MOST
    assert area["x"][[0, -1]].tolist() == [1, MOST + 9]


def test_a_single_example_is_as_wide_as_can_be_seen() -> None:
    doubt = doubt_of(classes(examples=1))
    within, between, *_ = entropy_traces(doubt, LIGHT)
    assert within["x"].tolist() == between["x"].tolist() == [0.5, 1.5]
    assert (within["y"] + between["y"]).tolist() == pytest.approx([doubt.total[0]] * 2)
