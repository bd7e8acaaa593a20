"""The numbers of draws that can be looked at."""

from __future__ import annotations

from dataclasses import replace

from dashboard.dropout.ladder import rungs, stops
from tests.dashboard.dropout.ensembles import values


def test_rungs_go_up_to_the_number_itself_and_name_it_once() -> None:
    assert rungs(3) == [3]
    assert rungs(20) == [3, 5, 10, 20]
    assert rungs(32) == [3, 5, 10, 20, 32]


def test_where_some_draws_are_kept_those_and_all_can_be_seen() -> None:
    found = values(draws=60)
    assert stops(found) == [3, 5, 10, 20, 50, 60]
    assert stops(replace(found, kept=found.kept[:32])) == [3, 5, 10, 20, 32, 60]
    assert stops(values(draws=3)) == [3]
