from __future__ import annotations

import json

import numpy as np

from probes.highlights import FOLLOWED, OUTLINED, Highlights
from probes.outline import Outline
from probes.recording import Scalars


def rows(*entries):
    steps, keys, values = (np.array(column) for column in zip(*entries, strict=True))
    return Scalars(steps, steps + 0.5, keys.astype(np.uint32), values.astype(np.float64))


def test_the_least_and_the_greatest_with_their_steps():
    highlights = Highlights()
    highlights.add(rows((0, 1, 3.0), (1, 0, 5.0), (1, 1, 1.0), (2, 1, 2.0)), ("lr", "loss"))
    highlights.add(rows((3, 1, 9.0), (4, 1, np.nan), (5, 1, 1.0)), ("lr", "loss"))
    told = highlights.told()
    assert told["extremes"] == {"lr": [5.0, 1, 5.0, 1], "loss": [1.0, 1, 9.0, 3]}
    assert list(told["outlines"]) == ["loss", "lr"]  # a loss first
    loss = Outline.read(told["outlines"]["loss"])
    assert loss.high[:4].tolist() == [3.0, 1.0, 2.0, 9.0]
    assert loss.lost.nonzero()[0].tolist() == [4]


def test_a_segment_without_scalars():
    highlights = Highlights()
    empty = np.empty(0)
    highlights.add(Scalars(empty.astype(int), empty, empty.astype(np.uint32), empty), ("loss",))
    assert highlights.told() == {"extremes": {}, "outlines": {}}


def test_what_probes_give_is_left_out():
    highlights = Highlights()
    highlights.add(rows((0, 0, 1.0), (0, 1, 1.0)), ("optimizer/0/lr", "validation/loss"))
    assert list(highlights.told()["extremes"]) == ["validation/loss"]


def test_it_does_not_grow_with_the_number_of_scalars():
    highlights = Highlights()
    many = [(0, key, 1.0) for key in range(500)]
    highlights.add(rows(*many), [f"metric_{n}" for n in range(500)])
    told = highlights.told()
    assert len(told["extremes"]) == FOLLOWED
    assert len(told["outlines"]) == OUTLINED
    assert len(json.dumps(told)) < 10_000


def test_a_resumed_run_goes_on_from_what_was_kept():
    first, whole = Highlights(), Highlights()
    early, late = rows((0, 0, 4.0), (1, 0, 2.0)), rows((2, 0, 3.0), (3, 0, 7.0))
    first.add(early, ("loss",))
    again = Highlights()
    again.resume(json.loads(json.dumps(first.told())))
    for each in (early, late):
        whole.add(each, ("loss",))
    again.add(late, ("loss",))
    assert again.told() == whole.told()


def test_a_damaged_summary_begins_anew():
    for damaged in ({"extremes": {"loss": [1]}}, {"extremes": 3}, {"outlines": {"loss": 7}}, {}):
        highlights = Highlights()
        highlights.resume(damaged)
        highlights.add(rows((0, 0, 4.0)), ("loss",))
        assert highlights.told()["extremes"] == {"loss": [4.0, 0, 4.0, 0]}
