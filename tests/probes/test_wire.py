from __future__ import annotations

import json

import numpy as np
import pytest

from probes import wire
from probes.folder import FathomError
from probes.recording import ARRAY_TYPES, BINS, STATISTICS


def some_record(rows=3):
    generator = np.random.default_rng(rows)
    return wire.Record(
        2,
        1 << 40,
        1.7e9 + 1 / 3,
        np.arange(rows, dtype=np.uint32) * 1_000_000_000,
        generator.normal(size=(rows, len(STATISTICS))).astype(np.float32),
        generator.integers(0, 4097, (rows, BINS)).astype(np.uint16),
    )


def frames(data, size=None):
    reader, size = wire.Frames(), size or len(data)
    return [
        frame for at in range(0, len(data), size) for frame in reader.feed(data[at : at + size])
    ]


@pytest.mark.parametrize("rows", [1, 3, 200])
def test_a_record_makes_the_round_trip(rows):
    sent = some_record(rows)
    [(kind, body)] = frames(wire.record(sent))
    got = wire.read_record(body)
    assert kind == wire.RECORD
    assert (got.series, got.step, got.time) == (sent.series, sent.step, sent.time)
    for name in ("tensors", "statistics", "histogram"):
        assert getattr(got, name).dtype == getattr(sent, name).dtype
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name))


@pytest.mark.parametrize("value", [0.1, -0.0, 1e308, float("inf"), float("nan")])
def test_a_scalar_makes_the_round_trip(value):
    [(kind, body)] = frames(wire.scalar(-5, 1.5, 7, value))
    [row] = np.frombuffer(body, wire.SCALAR)
    assert kind == wire.SCALARS
    assert (row["step"], row["time"], row["key"]) == (-5, 1.5, 7)
    assert row["value"].tobytes() == np.float64(value).tobytes()


def test_a_message_makes_the_round_trip():
    content = {"keys": ["loss", "é\n<b>\udc80", "\0"], "dropped": 3, "event": [1, 2.5, "a", "b"]}
    [(kind, body)] = frames(wire.message(**content))
    assert (kind, json.loads(body)) == (wire.MESSAGE, content)


@pytest.mark.parametrize("dtype", [*ARRAY_TYPES, ">f4", ">i8"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (4, 3, 2)])
def test_an_array_makes_the_round_trip(shape, dtype):
    values = np.random.default_rng(0).integers(0, 2, shape[::-1]).astype(dtype).T
    [(kind, body)] = frames(wire.array(3, 1 << 40, 1.5, values))
    track, step, time, raw = wire.read_array(body)
    assert (kind, track, step, time) == (wire.ARRAY, 3, 1 << 40, 1.5)
    got = np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).reshape(shape)
    np.testing.assert_array_equal(got, values)


@pytest.mark.parametrize("dtype", [np.complex64, object, "S3", "M8[s]"])
def test_an_array_of_another_type_is_refused_in_one_line(dtype):
    with pytest.raises(FathomError, match=r"cannot be recorded \(what can: bool, .*float64\)"):
        wire.array(0, 1, 1.0, np.zeros(2, dtype))


@pytest.mark.parametrize("chunk", [b"", b"bytes \0", memoryview(np.arange(6.0))])
def test_a_piece_of_a_snapshot_makes_the_round_trip(chunk):
    [(kind, body)] = frames(wire.blob(9, 5 << 32, chunk))
    snapshot, offset, got = wire.read_blob(body)
    assert (kind, snapshot, offset, got) == (wire.BLOB, 9, 5 << 32, bytes(chunk))


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_frames_may_come_in_pieces(size):
    data = wire.message(keys=["a"]) + wire.record(some_record()) + wire.scalar(1, 2.0, 0, 3.0)
    assert frames(data, size) == frames(data)
    assert [kind for kind, _ in frames(data, size)] == [wire.MESSAGE, wire.RECORD, wire.SCALARS]


def test_several_frames_may_come_at_once():
    data = b"".join(wire.scalar(step, 0.0, 0, 0.0) for step in range(100))
    assert len(frames(data)) == 100


@pytest.mark.parametrize("there", [1, 4, 5, 20])
def test_a_torn_frame_is_reported(there):
    reader, whole = wire.Frames(), wire.scalar(1, 2.0, 0, 3.0)
    assert len(list(reader.feed(whole + whole[:there]))) == 1
    assert reader.torn == there


def test_whole_frames_leave_nothing_torn():
    reader = wire.Frames()
    list(reader.feed(wire.message(state="finished")))
    assert reader.torn == 0


@pytest.mark.parametrize("chunk", [b"", b"abc", bytes(1000), memoryview(b"abcdef")[2:4]])
def test_a_piece_of_the_program_makes_the_round_trip(chunk):
    [(kind, body)] = frames(wire.piece(1 << 40, chunk), size=7)
    assert kind == wire.PIECE
    offset, found = wire.read_piece(body)
    assert (offset, bytes(found)) == (1 << 40, bytes(chunk))
