"""A bar is the part that a dropout has alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dashboard.dropout.shares import LETTERS, MOST, drawn, share_traces, shares_of
from dashboard.theme import LIGHT
from tests.dashboard.dropout.ensembles import classes, values
from tests.dashboard.samples import HOSTILE


def test_alone_over_all_together_with_the_errors_of_both() -> None:
    found = values(each=True)
    inner, outer = shares_of(found)
    grown, alone = found.uncertainty.growth.epistemic, found.dropouts[0].alone
    assert alone
    assert (inner.name, outer.name) == ("inner", "outer")
    assert inner.value == pytest.approx(alone.value / grown.value[-1])
    relative = np.hypot(alone.error / alone.value, grown.error[-1] / grown.value[-1])
    assert inner.error == pytest.approx(inner.value * relative)
    assert inner.value + outer.value < 1.3


def test_none_where_none_was_asked_or_nothing_spreads() -> None:
    assert shares_of(values()) == ()
    assert shares_of(classes(each=True, never=("inner", "outer"))) == ()
    assert share_traces((), LIGHT) == []
    assert drawn(()) == ()


def test_one_that_never_fired_says_so() -> None:
    shares = shares_of(classes(each=True, never=("inner",)))
    bars, names = share_traces(shares, LIGHT)
    assert bars["x"][0] == 0
    assert names["text"] == ["inner (never fired)", "outer"]


def test_the_largest_in_the_networks_order() -> None:
    (one, _) = shares_of(values(each=True))
    many = tuple(replace(one, name=str(n), value=float(n % 30)) for n in range(60))
    kept = drawn(many)
    assert len(kept) == MOST
    assert [int(share.name) for share in kept] == sorted(int(share.name) for share in kept)
    assert min(share.value for share in kept) == 18


def test_two_of_one_name_have_a_bar_each_and_long_names_keep_both_ends() -> None:
    (one, _) = shares_of(values(each=True))
    name = f"encoder.layers.7.{'x' * 40}.dropout"
    bars, names = share_traces((replace(one, name=name),) * 2, LIGHT)
    assert bars["y"] == [0, 1]
    short = names["text"][0]
    assert len(short) == LETTERS
    assert short.startswith("encoder.layers.7.")
    assert short.endswith(".dropout")


def test_a_name_is_text() -> None:
    (one, _) = shares_of(values(each=True))
    bars, names = share_traces((replace(one, name=HOSTILE),), LIGHT)
    for text in (names["text"][0], bars["customdata"][0][1]):
        assert "<" not in text
        assert "%{" not in text
