"""What was computed of several runs is not computed again."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from dashboard.comparison.kept import MOST, Kept


def a_run(name: str, generation: int = 0) -> Any:
    return SimpleNamespace(path=Path(name), generation=generation)


def test_it_is_computed_once_until_a_run_grows():
    kept, calls = Kept(lambda _: nullcontext()), []
    one, two = a_run("one"), a_run("two")

    def compute() -> int:
        calls.append(two.generation)
        return len(calls)

    assert [kept.of([one, two], "x", compute) for _ in range(3)] == [1, 1, 1]
    two.generation = 1
    assert kept.of([one, two], "x", compute) == 2
    assert kept.of([one, two], "y", compute) == 3
    assert kept.of([two, one], "x", compute) == 4  # who is first makes a difference


def test_what_was_long_not_asked_for_is_forgotten():
    kept, calls = Kept(lambda _: nullcontext()), []
    for n in range(MOST + 1):
        kept.of([a_run("one")], n, lambda: calls.append(1))
    kept.of([a_run("one")], MOST, lambda: calls.append(1))
    assert len(calls) == MOST + 1
    kept.of([a_run("one")], 0, lambda: calls.append(1))
    assert len(calls) == MOST + 2
