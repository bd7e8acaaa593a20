from __future__ import annotations

import json

import numpy as np
import pytest

from probes import wire
from probes.gathering import Gathering, stack
from probes.recording import BINS, STATISTICS, Event, Scalars

HEAD = {"run": "abc", "sequence": 4, "dropped": 1, "rank": 2}


def body(frame):
    return frame[wire.FRAME.size :]


def row(step, value, *, of=(0,), series=0):
    statistics = np.full((len(of), len(STATISTICS)), value, np.float32)
    histogram = np.full((len(of), BINS), step, np.uint16)
    return wire.Record(series, step, step / 8, np.array(of, np.uint32), statistics, histogram)


@pytest.fixture
def gathering():
    found = Gathering()
    hear(found, series=["gradients", "updates"], keys=["loss"])
    return found


def hear(gathering, **content):
    gathering.hear(json.loads(body(wire.message(**content))))


def bind(gathering, *, whole=False):
    return gathering.bind(whole=whole, **HEAD)


def test_a_segment_has_what_came_and_the_next_one_only_what_came_since(gathering):
    hear(gathering, tensors=[["a", "", "Linear", "matrix", "2", "float32", 0, True]])
    hear(gathering, event=[3, 1.5, "note", "text"])
    gathering.add_record(row(1, 0.5))
    gathering.add_scalar(body(wire.scalar(1, 2.0, 0, 0.25)))
    segment, rows = bind(gathering)
    assert (rows, segment.run, segment.sequence, segment.dropped, segment.rank) == (
        2, "abc", 4, 1, 2,
    )  # fmt: skip
    assert (segment.keys, segment.events) == (("loss",), (Event(3, 1.5, "note", "text"),))
    assert segment.series["gradients"].steps.tolist() == [1]
    assert segment.scalars.values.tolist() == [0.25]
    assert gathering.is_empty
    assert gathering.is_over
    gathering.add_record(row(2, 0.5, series=1))
    again, rows = bind(gathering)
    assert (rows, list(again.series), again.events, again.keys) == (1, ["updates"], (), ("loss",))
    assert again.tensors == segment.tensors
    assert isinstance(again.scalars, Scalars)
    assert len(again.scalars.steps) == 0


def test_rows_of_a_step_that_optimizers_share_wait_for_one_another(gathering):
    hear(gathering, optimizers=2)
    gathering.add_record(row(1, 0.5))
    gathering.add_record(row(2, 0.5))
    segment, rows = bind(gathering)
    assert (segment.series["gradients"].steps.tolist(), rows) == ([1], 1)
    assert gathering.is_empty
    assert not gathering.is_over
    gathering.add_record(row(2, 0.75, of=(1,)))
    segment, rows = bind(gathering, whole=True)
    assert segment.series["gradients"].statistics[0, :, 0].tolist() == [0.5, 0.75]
    assert rows == 2
    assert gathering.is_over


def test_a_tensor_that_was_not_looked_at_has_no_elements_and_nan():
    found = stack([row(1, 1), row(2, 1, of=(0, 1))])
    assert found.statistics[0, 1, 0] == 0
    assert np.isnan(found.statistics[0, 1, 1:]).all()
    assert not found.histogram[0, 1].any()


def test_arrays_come_together_by_their_track(gathering):
    hear(gathering, tracks=[["a", "heads", [2, 3], "float32"], ["b", "", [], "int64"]])
    looks = np.random.default_rng(0).normal(size=(3, 2, 3)).astype(np.float32)
    for step, look in enumerate(looks):
        assert gathering.add_array(body(wire.array(0, step, step / 4, look))) == step
    gathering.add_array(body(wire.array(1, 7, 1.0, np.array(-5))))
    segment, rows = bind(gathering)
    one, other = segment.tracks
    assert rows == 4
    assert (one.name, one.about, one.steps.tolist()) == ("a", "heads", [0, 1, 2])
    assert one.times.tolist() == [0, 0.25, 0.5]
    np.testing.assert_array_equal(one.values, looks)
    assert one.values.dtype == np.float32
    assert (other.values.tolist(), other.values.dtype) == ([-5], np.int64)
    assert bind(gathering)[0].tracks == ()


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [([2], "float32"), ([3], "float64"), ([3], "complex64"), ([3], "nonsense"), ([1] * 31, "int8")],
)
def test_an_array_that_its_track_did_not_promise_stays_out(gathering, shape, dtype):
    hear(gathering, tracks=[["a", "", shape, dtype]])
    assert gathering.add_array(body(wire.array(0, 1, 1.0, np.zeros(3, np.float32)))) is None
    assert gathering.is_over


def test_arrays_without_elements_are_rows_too(gathering):
    hear(gathering, tracks=[["a", "", [0, 3], "float16"]])
    gathering.add_array(body(wire.array(0, 1, 1.0, np.zeros((0, 3), np.float16))))
    (segment, rows) = bind(gathering)
    assert (segment.tracks[0].values.shape, rows) == ((1, 0, 3), 1)
