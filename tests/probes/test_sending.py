from __future__ import annotations

import threading

import pytest

from probes import sending
from probes.sending import Sending


class Pipe:
    """Keeps what it is given, with as much room as is told."""

    def __init__(self, room=1 << 30):
        self.room, self.begun, self.pieces, self.threads = room, 0, [], set()

    def begin(self):
        self.begun += 1

    def send(self, at, chunk):
        assert len(chunk) <= self.room
        assert at == sum(map(len, self.pieces))
        self.pieces.append(bytes(chunk))
        self.threads.add(threading.current_thread().name)


@pytest.mark.parametrize("size", [0, 1, 1000, (1 << 18) + 1])
@pytest.mark.parametrize("room", [7000, 1 << 30])
def test_all_of_it_arrives_in_order(size, room):
    data, pipe, way = bytes(n % 251 for n in range(size)), Pipe(room), Sending("test")
    way.start(pipe, memoryview(data), [])
    way.wait()
    assert (pipe.begun, b"".join(pipe.pieces)) == (1, data)
    assert not way.under_way
    assert way.failures == []


@pytest.mark.parametrize(
    ("size", "room", "by"),
    [
        (1000, 1 << 30, "MainThread"),
        (1 << 16, 1 << 17, "MainThread"),
        ((1 << 16) + 1, 1 << 30, "fathom-test"),
        (1000, 1999, "fathom-test"),
    ],
)
def test_what_is_little_and_finds_room_is_there_at_once(size, room, by):
    pipe, way = Pipe(room), Sending("test")
    way.start(pipe, memoryview(bytes(size)), [])
    at_once = not way.under_way and sum(map(len, pipe.pieces)) == size
    way.wait()
    assert pipe.threads == {by}
    assert at_once or by != "MainThread"


def test_a_device_is_waited_for_first():
    order, pipe = [], Pipe()

    class Event:
        def synchronize(self):
            order.append(pipe.begun)

    way = Sending("test")
    way.start(pipe, memoryview(b"abc"), [Event(), Event()])
    way.wait()
    assert order == [0, 0]
    assert pipe.pieces == [b"abc"]


def test_what_goes_wrong_is_kept_and_ends_it():
    class Broken(Pipe):
        def begin(self):
            raise OSError("gone")

    way = Sending("test")
    way.start(Broken(), memoryview(b"abc"), [])
    way.wait()
    assert way.failures == ["OSError: gone"]


def test_one_that_takes_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr(sending, "STALLED", 0.1)
    way = Sending("test")
    way.start(Pipe(0), memoryview(b"abc"), [])
    way.wait()
    assert way.failures == ["TimeoutError: the scribe took nothing for 0.1 seconds"]


def test_the_end_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(sending, "PATIENCE", 0.05)
    pipe, way = Pipe(0), Sending("test")
    way.start(pipe, memoryview(b"abc"), [])
    way.wait()
    assert way.under_way
    way.end()
    assert way.failures == ["not sent within 0.05 seconds of the end"]
    monkeypatch.setattr(sending, "PATIENCE", 5)
    way.wait()
    assert not way.under_way
