from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace

from diagnostics.signs.remembered import remembered


class Runlike(SimpleNamespace):
    """Hashed by what it is, as runs are."""

    __hash__ = object.__hash__


def test_it_looks_once_until_the_run_has_grown():
    looks = []

    @remembered
    def look(run):
        looks.append(run.generation)
        return len(looks)

    run = Runlike(generation=1)
    assert [look(run), look(run)] == [1, 1]
    run.generation = 2
    assert [look(run), look(run)] == [2, 2]
    assert looks == [1, 2]


def test_none_is_an_answer_too():
    looks = []

    @remembered
    def look(run):
        looks.append(run)

    run = Runlike(generation=1)
    assert look(run) is look(run) is None
    assert len(looks) == 1


def test_runs_do_not_share_answers_and_are_let_go():
    @remembered
    def look(run):
        return run.value

    one, other = Runlike(generation=1, value=1), Runlike(generation=1, value=2)
    assert (look(one), look(other)) == (1, 2)
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
