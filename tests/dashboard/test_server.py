"""A port is found, answered on by a bounded number of threads, and nothing is said about it."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.request import urlopen

import pytest
from flask import Flask, request

from dashboard.server import LARGEST_BODY, THREADS, listen
from diagnostics.run import FathomError

APP = Flask("small")
APP.add_url_rule("/", "page", lambda: "here")
APP.add_url_rule("/size", "size", lambda: str(len(request.get_data())), methods=["POST"])
APP.add_url_rule("/via", "via", lambda: request.headers.get("X-Forwarded-For", ""))
Listen = Callable[..., Any]


@pytest.fixture
def door() -> Iterator[Listen]:
    """Servers that are closed when the test ends."""
    with ExitStack() as open_ones:

        def opened(port: int = 0, host: str = "127.0.0.1", app: Any = APP) -> Any:
            server = listen(app, host, port)
            open_ones.callback(server.server_close)
            return server

        yield opened


@pytest.fixture
def answering(door: Listen) -> Iterator[Callable[..., Any]]:
    """Servers that answer until the test ends."""
    with ExitStack() as open_ones:

        def opened(app: Any = APP, host: str = "127.0.0.1") -> Any:
            server = door(host=host, app=app)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            open_ones.callback(thread.join)
            open_ones.callback(server.shutdown)
            return server

        yield opened


def test_a_busy_port_gives_way_to_the_next_free_one(door: Listen) -> None:
    first = door()
    second, third = door(first.port), door(first.port)
    assert first.port < second.port < third.port <= first.port + 50


def test_a_free_port_is_taken(door: Listen) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        port = found.getsockname()[1]
    assert door(port).port == port


def test_above_the_last_port_any_free_one_will_do(door: Listen) -> None:
    door(65535)
    assert door(65535).port != 65535


def test_without_a_wish_two_servers_differ(door: Listen) -> None:
    assert door().port != door().port


def test_an_address_of_another_machine_is_refused_in_one_line() -> None:
    with pytest.raises(FathomError, match=r"^cannot listen on 192\.0\.2\.1: .+$"):
        listen(APP, "192.0.2.1", 8050)


def test_it_answers_and_says_nothing(
    answering: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with urlopen(f"http://127.0.0.1:{answering().port}/", timeout=10) as answer:
        assert answer.read() == b"here"
        assert "Server" not in answer.headers
    assert caplog.records == []


def test_it_answers_in_the_sixth_version_too(answering: Callable[..., Any]) -> None:
    try:
        server = answering(host="::1")
    except FathomError:
        pytest.skip("no IPv6 on this machine")
    with urlopen(f"http://[::1]:{server.port}/", timeout=10) as answer:
        assert answer.read() == b"here"


def test_a_closed_server_gives_its_port_back(door: Listen) -> None:
    first = door()
    first.server_close()
    assert door(first.port).port == first.port


def test_what_is_asked_is_bounded_in_size(answering: Callable[..., Any]) -> None:
    port = answering().port
    for size, status in ((1000, 200), (LARGEST_BODY + 1, 413)):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as asking:
            asking.putrequest("POST", "/size")
            asking.putheader("Content-Length", str(size))
            asking.endheaders()
            if status == 200:
                asking.send(b"x" * size)
            assert asking.getresponse().status == status


def test_it_is_seen_that_a_proxy_has_passed_something_on(answering: Callable[..., Any]) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", answering().port, timeout=10)) as asking:
        asking.request("GET", "/via", headers={"X-Forwarded-For": "10.1.2.3"})
        assert asking.getresponse().read() == b"10.1.2.3"


def test_several_are_answered_at_once_and_no_more_than_there_are_threads(
    answering: Callable[..., Any],
) -> None:
    inside, most, go = threading.Semaphore(0), [0], threading.Event()
    lock, now = threading.Lock(), [0]

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        inside.release()
        go.wait(10)
        with lock:
            now[0] -= 1
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    port = answering(slow).port
    asking = [http.client.HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(12)]
    for each in asking:
        each.request("GET", "/")
    for _ in range(THREADS):
        assert inside.acquire(timeout=10)
    go.set()
    assert [each.getresponse().read() for each in asking] == [b"ok"] * 12
    for each in asking:
        each.close()
    assert most[0] == THREADS


def test_an_answer_under_way_does_not_hold_up_the_end(answering: Callable[..., Any]) -> None:
    inside, go = threading.Event(), threading.Event()

    def endless(environ: Any, start_response: Any) -> list[bytes]:
        inside.set()
        go.wait(30)
        start_response("200 OK", [])
        return []

    server = answering(endless)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as asking:
        asking.request("GET", "/")
        assert inside.wait(10)
        begun = time.monotonic()
        server.shutdown()
        server.server_close(patience=0)
        assert time.monotonic() - begun < 10  # not the thirty seconds of the answer
    go.set()
