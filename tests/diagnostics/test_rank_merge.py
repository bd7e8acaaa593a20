from __future__ import annotations

import os

import numpy as np
import pytest

from diagnostics import Run
from probes import wire
from probes.folder import hold
from probes.recording import BINS, STATISTICS
from tests.ranks import Desk, counted

STEPS = range(1, 7)


def seen(rank, step):
    """What a rank has seen of both tensors at a step."""
    rng = np.random.default_rng([rank, step])
    one = np.tanh(rng.normal(rank, 2, 50 + rank))
    one[:2] = 0, [np.nan, np.inf][rank % 2]
    return {0: one, 1: rng.normal(0, 3, 20)}


def check(run, ranks, tensors=("a", "b")):
    """Every statistic and the histogram, against all elements taken together."""
    steps = run.steps("activations").tolist()
    columns = {name: run.column("activations", name, list(tensors)) for name in STATISTICS}
    for place, tensor in enumerate(tensors):
        histogram = run.histogram("activations", tensor)
        for at, step in enumerate(steps):
            parts = [seen(rank, step)[place] for rank in ranks if step in ranks[rank]]
            expected, bins = counted(np.concatenate(parts))
            found = [columns[name][at, place] for name in STATISTICS]
            assert found == pytest.approx(expected.tolist(), rel=1e-5, nan_ok=True)
            np.testing.assert_array_equal(histogram[at], bins)


def test_ranks_that_were_written_apart_are_read_as_one(tmp_path):
    desks = [Desk(tmp_path / "run", rank) for rank in range(2)]
    run, ranks = Run(tmp_path / "run"), {0: list(STEPS), 1: list(STEPS)}
    for step in STEPS:
        for rank, desk in enumerate(desks):
            desk.look(step, seen(rank, step))
            if step % 3 == 0:
                desk.write()
    assert run.refresh()
    assert run.steps("activations").tolist() == list(STEPS)
    check(run, ranks)
    desks[1].close()  # one has finished, the other goes on
    run.refresh()
    check(run, ranks)
    check(Run(tmp_path / "run"), ranks)
    desks[0].close()
    run.refresh()
    check(run, ranks)
    check(Run(tmp_path / "run"), ranks)
    assert run.records == len(STEPS)


def test_a_rank_that_died_leaves_the_others_readable(tmp_path):
    desks = [Desk(tmp_path / "run", rank) for rank in range(3)]
    until = {0: range(1, 7), 1: range(1, 4), 2: range(2, 6)}
    for rank, steps in until.items():
        for step in steps:
            desks[rank].look(step, seen(rank, step))
        desks[rank].write()
    desks[0].close()  # the others never said goodbye
    run = Run(tmp_path / "run")
    assert run.state == "finished"
    assert run.steps("activations").tolist() == list(STEPS)
    check(run, until)


def test_what_only_one_rank_has_is_read_as_it_is(tmp_path):
    first, second = Desk(tmp_path / "run", 0), Desk(tmp_path / "run", 1)
    first.look(1, seen(0, 1))
    second.look(1, seen(1, 1), series=1)
    second.look(3, seen(1, 3), series=1)
    first.close()
    second.close()
    run = Run(tmp_path / "run")
    assert (set(run.series), run.steps("gradients").tolist()) == (
        {"activations", "gradients"},
        [1, 3],
    )
    for at, step in enumerate((1, 3)):
        expected = counted(seen(1, step)[0])[0]
        found = [run.column("gradients", name, ["a"])[at, 0] for name in STATISTICS]
        np.testing.assert_array_equal(found, expected.astype(float))


def test_tensors_of_different_ranks_stand_side_by_side(tmp_path):
    first = Desk(tmp_path / "run", 0, ("a", "b"))
    second = Desk(tmp_path / "run", 1, ("b", "a", "late"))
    first.look(1, {0: [1.0, 2.0]})
    second.look(1, {1: [6.0], 2: [8.0, 9.0]})
    second.look(2, {0: [5.0]})
    first.close()
    second.close()
    run = Run(tmp_path / "run")
    assert list(run.tensors) == ["a", "b", "late"]
    names = ["late", "a", "b", "none"]
    counts = run.column("activations", "count", names)
    assert counts.tolist() == [[2, 3, 0, 0], [0, 0, 1, 0]]
    means = run.column("activations", "mean", names)
    np.testing.assert_array_equal(means, [[8.5, 3, np.nan, np.nan], [np.nan, np.nan, 5, np.nan]])
    assert run.column("activations", "mean", []).shape == (2, 0)
    assert not run.histogram("activations", "none").any()


@pytest.mark.parametrize("at_once", [1, 7, 20])
def test_rows_are_merged_in_parts_that_fit_in_memory(tmp_path, monkeypatch, at_once):
    names = tuple(f"t{n}" for n in range(9))
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 2, 9, 4))  # rank, step, tensor, element
    for rank in range(3):
        desk = Desk(tmp_path / "run", rank, names)
        for step in range(2):
            desk.look(step + 1, dict(enumerate(values[rank, step])))
        desk.close()
    monkeypatch.setattr("diagnostics.rank_merge.AT_ONCE", at_once)
    found = Run(tmp_path / "run").column("activations", "std", list(names))
    expected = np.moveaxis(values, 0, -1).reshape(2, 9, -1).astype(np.float32).std(-1)
    assert found == pytest.approx(expected, rel=1e-5)


def test_full_bins_of_several_ranks_add_to_more_than_a_file_can_hold(tmp_path):
    for rank in range(3):
        desk = Desk(tmp_path / "run", rank)
        bins = np.full((1, BINS), 40_000, np.uint16)
        statistics = np.ones((1, len(STATISTICS)), np.float32)
        row = wire.Record(0, 1, 0.5, np.array([0], np.uint32), statistics, bins)
        desk.feed(wire.record(row))
        desk.close()
    assert (Run(tmp_path / "run").histogram("activations", "a") == 120_000).all()


def test_what_is_not_per_tensor_says_whose_it_is(tmp_path):
    desks = [Desk(tmp_path / "run", rank) for rank in range(2)]
    for rank, desk in enumerate(desks):
        desk.log(1, rank + 0.5)
        desk.note(4 - rank, "a note")
        desk.feed(wire.message(dropped=rank + 2))
        desk.write()
    run = Run(tmp_path / "run")
    assert run.scalar("loss").values.tolist() == [0.5]
    assert [event.text for event in run.events] == ["rank 1: a note", "a note"]
    assert run.dropped == 5
    assert run.state == "killed"
    held = hold(tmp_path / "run")
    assert run.state == "running"
    os.close(held)
    desks[1].close("failed")
    run.refresh()
    assert (run.state, run.dropped) == ("killed", 5)
    desks[0].close()
    run.refresh()
    assert (run.state, run.dropped) == ("finished", 5)


def test_a_later_rank_is_found_while_the_first_one_records(tmp_path):
    first = Desk(tmp_path / "run", 0)
    first.look(1, seen(0, 1))
    first.write()
    run = Run(tmp_path / "run")
    check(run, {0: [1]})
    assert not run.refresh()
    second = Desk(tmp_path / "run", 1)
    second.look(1, seen(1, 1))
    second.write()
    generation = run.generation
    assert run.refresh()
    assert run.generation > generation
    check(run, {0: [1], 1: [1]})


def test_a_damaged_file_of_a_later_rank_is_passed_over(tmp_path):
    for rank in range(2):
        desk = Desk(tmp_path / "run", rank)
        desk.look(1, seen(rank, 1))
        desk.close()
    (tmp_path / "run" / "recording-r0001.h5").write_bytes(b"torn")
    run = Run(tmp_path / "run")
    assert run.passed_over == ("recording-r0001.h5",)
    check(run, {0: [1]})
