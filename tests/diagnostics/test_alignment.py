"""One axis for several runs: steps, seconds, tokens."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from diagnostics.alignment import Count, alignment, counts
from diagnostics.run import FathomError, Scalar
from tests.twins import STEPS, twin


def a_run(started: str = "1970-01-01T00:01:40+00:00", **scalars: tuple[Any, Any]) -> Any:
    """Logged values by step; each step takes two seconds from 100 s on."""

    def scalar(name: str) -> Scalar:
        steps, values = (np.asarray(each) for each in scalars[name])
        return Scalar(name, steps, values.astype(float), 100 + 2.0 * steps)

    return SimpleNamespace(
        name="made",
        info={"started": started},
        logged=tuple(name for name in scalars if not name.startswith("batches/")),
        scalar_names=tuple(scalars),
        scalar=scalar,
        last_step=max(int(np.max(steps)) for steps, _ in scalars.values()),
    )


def places(run: Any, along: Any, steps: Any) -> list[float]:
    at = np.asarray(steps, np.int64)
    return alignment([run], along).place(0, at, 100 + 2.0 * at).tolist()


def test_by_step() -> None:
    assert places(a_run(loss=([1, 2], [0, 0])), "step", [1, 5]) == [1.0, 5.0]


def test_by_time_since_its_own_start() -> None:
    assert places(a_run(loss=([1, 2], [0, 0])), "time", [1, 5]) == [2.0, 10.0]


@pytest.mark.parametrize("started", ["no time at all", "2100-01-01T00:00:00+00:00"])
def test_a_start_that_cannot_be_is_when_it_first_logged(started: str) -> None:
    assert places(a_run(started, loss=([3, 4], [0, 0])), "time", [3, 5]) == [0.0, 4.0]


def test_a_total_of_tokens_stays_one() -> None:
    run = a_run(tokens_seen=([10, 20], [1000, 3000]))
    assert places(run, "tokens", [0, 5, 10, 15, 20]) == [0.0, 500.0, 1000.0, 2000.0, 3000.0]


def test_after_the_last_known_total_the_pace_goes_on() -> None:
    assert places(a_run(tokens_seen=([10, 20], [1000, 2000])), "tokens", [30]) == [3000.0]


def test_tokens_of_each_step_add_up() -> None:
    run = a_run(**{"train/tokens": ([1, 2, 3, 4], [8, 8, 6, 8])})
    assert places(run, "tokens", [1, 2, 3, 4]) == [8.0, 16.0, 22.0, 30.0]


def test_tokens_logged_at_every_other_step_stand_for_both() -> None:
    run = a_run(tokens=([2, 4, 6], [8, 8, 8]))
    assert places(run, "tokens", [2, 4, 6]) == [16.0, 32.0, 48.0]


def test_a_batch_size_holds_until_the_next_look() -> None:
    run = a_run(loss=([1, 10], [0, 0]), **{"batches/size": ([1, 2, 6], [4, 4, 10])})
    assert places(run, "tokens", [1, 2, 5, 6, 10]) == [4.0, 8.0, 20.0, 30.0, 70.0]


def test_a_pace_is_no_count() -> None:
    assert counts(a_run(tokens_per_second=([1, 2], [5, 6]), val_tokens=([1], [3]))) == {}


def test_a_run_without_any_count_says_what_to_log() -> None:
    (reason,) = alignment([a_run(loss=([1], [0]))], "tokens").lacking
    assert "'made' does not say how many tokens" in reason
    assert "recorder.log(tokens_seen=…)" in reason


def test_the_unit_is_the_one_that_most_of_them_know() -> None:
    tokens = a_run(tokens=([1, 2], [5, 9]), **{"batches/size": ([1], [4])})
    sizes = [a_run(**{"batches/size": ([1], [4])}) for _ in range(2)]
    told = alignment([tokens, *sizes], "tokens")
    assert told.unit == "samples seen"
    assert told.lacking == ("", "", "")


def test_real_runs_know_their_batches() -> None:
    found = counts(twin("base"))
    assert set(found) == {"tokens", "samples"}
    assert found["tokens"].at(np.array([STEPS])).tolist() == [STEPS * 16 * 6]
    assert found["samples"].at(np.array([STEPS])).tolist() == [STEPS * 16]


def test_a_count_is_even_between_what_is_known() -> None:
    told = Count("tokens", "tokens", np.array([4]), np.array([8.0]))
    assert told.at(np.array([0, 1, 2, 4])).tolist() == [0.0, 2.0, 4.0, 8.0]


def test_another_way_of_aligning_is_refused() -> None:
    with pytest.raises(FathomError, match="choose one of step, time, tokens"):
        alignment([], "epoch")  # type: ignore[arg-type]
