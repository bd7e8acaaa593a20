"""A port is found, answered on, and nothing is said about it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any
from urllib.request import urlopen

import pytest
from flask import Flask

from dashboard.server import listen
from diagnostics.run import FathomError

APP = Flask("small")
APP.add_url_rule("/", "page", lambda: "here")
Listen = Callable[..., Any]


@pytest.fixture
def door() -> Iterator[Listen]:
    """Servers that are closed when the test ends."""
    with ExitStack() as open_ones:

        def opened(port: int = 0, host: str = "127.0.0.1") -> Any:
            server = listen(APP, host, port)
            open_ones.callback(server.server_close)
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


def test_it_answers_and_says_nothing(door: Listen, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = door()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with urlopen(f"http://127.0.0.1:{server.port}/", timeout=10) as answer:
            assert answer.read() == b"here"
    finally:
        server.shutdown()
        thread.join()
    assert caplog.records == []
