"""Who is asked for a token, and `fathom serve` as a process: where it listens, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from dashboard.guard import LOOPBACK
from dashboard.serving import Door, _told, is_loopback

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_token_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FATHOM_TOKEN", raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_on_this_machine_alone_nobody_is_asked_and_names_are_checked(host: str) -> None:
    door = Door(host)
    assert is_loopback(host)
    assert door.key() == ""
    assert door.hosts("") == (*LOOPBACK, host)


@pytest.mark.parametrize(
    "door",
    [
        Door("0.0.0.0"),
        Door("::"),
        Door(""),
        Door("192.168.1.7"),
        Door("lab.test"),
        Door(base_path="/user/ada"),
        Door(names=("lab.test",)),
    ],
)
def test_wherever_strangers_may_come_a_new_token_is_made(door: Door) -> None:
    keys = {door.key() for _ in range(5)}
    assert len(keys) == 5
    assert {len(key) for key in keys} == {48}
    assert door.hosts(keys.pop()) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_token_given_is_the_one_asked_for(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FATHOM_TOKEN", "of the environment")
    assert Door(host).key() == "of the environment"
    assert Door(host, token="mine").key() == "mine"
    assert Door(host, token="").key() == ""


def test_behind_a_proxy_and_without_a_token_only_known_names_are_answered() -> None:
    door = Door(base_path="/lab", token="", names=("lab.test",))
    assert door.hosts(door.key()) == (*LOOPBACK, "127.0.0.1", "lab.test")
    assert Door("0.0.0.0", token="").hosts("") is None


@pytest.mark.parametrize(
    ("door", "key", "address"),
    [
        (Door(), "", "http://127.0.0.1:8051/"),
        (Door("::1"), "", "http://[::1]:8051/"),
        (Door("0.0.0.0"), "abc", f"http://{socket.gethostname()}:8051/?token=abc"),
        (Door("::", base_path="/u/p"), "abc", f"http://{socket.gethostname()}:8051/u/p/?token=abc"),
    ],
)
def test_the_address_told_is_one_to_click_on(door: Door, key: str, address: str) -> None:
    told = _told(Path("runs"), door, SimpleNamespace(port=8051), key).splitlines()
    assert told[0] == f"Fathom shows runs at {address}  (Ctrl-C stops)"
    warned = "Whoever has this address can read these runs, and compute on this machine."
    assert told[1:] == ([warned] if key else [])


def test_whoever_asks_for_no_token_is_told_what_that_means() -> None:
    told = _told(Path("runs"), Door("0.0.0.0", token=""), SimpleNamespace(port=1), "")
    assert "Anyone who can reach this machine can read these runs" in told


def test_served_it_listens_where_it_says_whatever_the_environment_and_ends_at_once(
    tmp_path: Path,
) -> None:
    strange = {
        "HOST": "0.0.0.0",
        "PORT": "1",
        "DASH_DEBUG": "true",
        "DASH_MCP_ENABLED": "true",
        "DASH_URL_BASE_PATHNAME": "/x/",
        "DASH_PROXY": "http://0.0.0.0:1::http://evil.test",
        "FATHOM_TOKEN": "t0ken",
        "PYTHONPATH": str(REPOSITORY),
    }
    command = ["serve", str(tmp_path), "--port", "0", "--base-path", "/u/p"]
    with subprocess.Popen(
        [sys.executable, "-m", "dashboard.cli", *command],
        env={**os.environ, **strange},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as serving:
        try:
            assert serving.stdout
            told = serving.stdout.readline()
            assert told.startswith(f"Fathom shows {tmp_path} at http://127.0.0.1:")
            address = told.split(" at ")[1].split()[0]
            assert address.endswith("/u/p/?token=t0ken")
            with urlopen(address.replace("?token=t0ken", "health"), timeout=30) as answer:
                assert answer.read() == b'{"status":"ok"}\n'
            with pytest.raises(HTTPError, match="401"):
                urlopen(address.replace("t0ken", "wrong"), timeout=30)
            begun = time.monotonic()
            serving.send_signal(signal.SIGINT)
            assert serving.wait(30) == 0
            assert time.monotonic() - begun < 20
            assert serving.communicate() == ("", "")
        finally:
            serving.kill()
