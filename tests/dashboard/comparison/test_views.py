"""The comparison's own views of runs."""

from __future__ import annotations

import threading

import pytest

from dashboard.comparison.views import MOST, Views
from dashboard.open_runs import OpenRuns
from diagnostics.run import FathomError
from tests.twins import folder, twin


@pytest.fixture
def views() -> Views:
    for name in ("base", "again"):
        twin(name)
    return Views(OpenRuns(folder()))


def test_a_run_is_opened_once(views: Views) -> None:
    assert views.look("base") is views.kept("base")
    assert views.kept("again") is not views.kept("base")


def test_a_name_that_nobody_has_is_refused(views: Views) -> None:
    with pytest.raises(FathomError, match="gone"):
        views.look("gone")


def test_nobody_else_reads_a_run_meanwhile(views: Views) -> None:
    """Both ask for the same two in the other order; neither waits for ever."""
    one, two = views.kept("base"), views.kept("again")
    inside, most = [0], [0]

    def read(first: object, second: object) -> None:
        for _ in range(200):
            with views.alone([first, second]):  # type: ignore[list-item]
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=read, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert not any(thread.is_alive() for thread in threads)
    assert most == [1]


def test_as_many_stay_open_as_one_comparison_has() -> None:
    from diagnostics.comparison import MOST as COMPARED

    assert MOST >= COMPARED
