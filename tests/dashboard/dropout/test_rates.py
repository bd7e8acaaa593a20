"""Other rates beside those that the network was trained with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.dropout.rates import (
    AS_IT_IS,
    PLAIN,
    TRAINED,
    likelihood_traces,
    spread_traces,
    trained_rates,
)
from dashboard.theme import LIGHT
from diagnostics.mc_dropout import McDropout
from diagnostics.uncertainty import Estimate
from tests.dashboard.dropout.ensembles import classes, values


def of_one_rate(found: McDropout) -> McDropout:
    return replace(found, dropouts=found.dropouts[1:])


def test_the_spread_at_each_rate_with_its_error_in_their_order() -> None:
    found = values(rates=(0.5, 0.1, 0.3))
    assert found.sweep
    marks, curve = spread_traces(found, LIGHT)
    order = [1, 2, 0]
    assert curve["x"].tolist() == [0.1, 0.3, 0.5]
    np.testing.assert_array_equal(curve["y"], found.sweep.epistemic.value[order])
    np.testing.assert_array_equal(curve["error_y"]["array"], found.sweep.epistemic.error[order])
    assert marks["name"] == TRAINED
    assert marks["x"].tolist() == [0.2] * 3 + [0.4] * 3


def test_where_all_dropouts_have_one_rate_the_network_as_it_is_stands_there() -> None:
    found = of_one_rate(classes(rates=(0.1, 0.5)))
    here = spread_traces(found, LIGHT)[-1]
    assert here["name"] == AS_IT_IS
    assert here["x"].tolist() == trained_rates(found).tolist() == [0.4]
    assert here["y"].tolist() == [found.uncertainty.average.value]


def test_likelihoods_stand_beside_that_of_the_plain_network() -> None:
    found = of_one_rate(classes(rates=(0.1, 0.5)))
    plain, _, curve, here = likelihood_traces(found, LIGHT)
    assert found.sweep
    assert found.sweep.log_likelihood
    assert found.likelihood
    assert (plain["name"], plain["y"].tolist()) == (PLAIN, [found.plain_log_likelihood] * 2)
    np.testing.assert_array_equal(curve["y"], found.sweep.log_likelihood.value)
    assert here["y"].tolist() == [found.likelihood.mean.value]


def test_without_targets_there_are_no_likelihoods() -> None:
    assert likelihood_traces(values(rates=(0.1,)), LIGHT) == []


def test_a_rate_that_is_not_known_has_no_mark() -> None:
    found = values(rates=(0.1, 0.2))
    nameless = tuple(replace(each, p=np.nan) for each in found.dropouts)
    (curve,) = spread_traces(replace(found, dropouts=nameless), LIGHT)
    assert curve["x"].tolist() == [0.1, 0.2]


def test_a_spread_that_is_not_known_is_not_drawn() -> None:
    found = classes(rates=(0.1, 0.5))
    assert found.sweep
    lost = Estimate(np.full(2, np.nan), np.full(2, np.nan))
    assert spread_traces(replace(found, sweep=replace(found.sweep, epistemic=lost)), LIGHT) == []
    unlikely = replace(found, sweep=replace(found.sweep, log_likelihood=lost))
    assert likelihood_traces(unlikely, LIGHT) == []
    assert spread_traces(unlikely, LIGHT)
