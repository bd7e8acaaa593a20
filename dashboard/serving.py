"""Serving a folder of runs until Ctrl-C: on which address, to whom, under which path."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.base_path import UnderBasePath, base_path_of
from dashboard.guard import LOOPBACK
from dashboard.server import Server, listen
from dashboard.tasting import TASTING

if TYPE_CHECKING:
    from flask import Flask

TOKEN = "FATHOM_TOKEN"  # noqa: S105  (the name of the environment variable)


@dataclass(frozen=True)
class Door:
    """Where the app is served, and who is let in."""

    host: str = "127.0.0.1"
    port: int = 8050
    base_path: str = "/"
    token: str | None = None  # None: made up where one is needed; "": nobody is asked for one
    names: Sequence[str] = ()  # that browsers may call it by, behind a proxy

    @property
    def is_local(self) -> bool:
        """Whether only this machine, and no proxy on it, is meant to reach it."""
        return is_loopback(self.host) and self.base_path == "/" and not self.names

    def key(self) -> str:
        """The token asked for: the one given, or a new one wherever strangers may come."""
        given = os.environ.get(TOKEN) if self.token is None else self.token
        if given is not None:
            return given
        return "" if self.is_local else secrets.token_hex(24)

    def hosts(self, key: str) -> tuple[str, ...] | None:
        """The names answered to; with a token any: a stranger's page holds none."""
        if key or not is_loopback(self.host):
            return None
        return (*LOOPBACK, self.host, *self.names)


def serve(root: Path, door: Door) -> None:
    """Serve until Ctrl-C; a busy port gives way to the next free one."""
    _forget_environment()
    TASTING.start()  # it gets ready while the app does
    key, base_path = door.key(), base_path_of(door.base_path)
    app = _build(root, door.hosts(key), base_path, key)
    server = listen(UnderBasePath(app, base_path), door.host, door.port)
    print(_told(root, door, server, key), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close(patience=0)


def is_loopback(host: str) -> bool:
    """Whether an address is seen from this machine only."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _build(root: Path, hosts: Sequence[str] | None, base_path: str, token: str) -> Flask:
    from dashboard.app import build
    from dashboard.open_runs import OpenRuns
    from dashboard.warming import warm

    runs = OpenRuns(root)
    app: Flask = build(root, hosts, base_path=base_path, token=token, runs=runs).server
    warm(runs)
    return app


def _forget_environment() -> None:
    """Dash would take prefixes, a debugger and more from variables meant for other apps."""
    for name in [name for name in os.environ if name.upper().startswith("DASH_")]:
        del os.environ[name]


def _told(root: Path, door: Door, server: Server, key: str) -> str:
    where = f"http://{_reachable(door.host)}:{server.port}{base_path_of(door.base_path)}"
    lines = [f"Fathom shows {root} at {where}{f'?token={key}' if key else ''}  (Ctrl-C stops)"]
    if key and door.token is None and TOKEN not in os.environ:
        lines += ["Whoever has this address can read these runs, and compute on this machine."]
    elif not key and not is_loopback(door.host):
        lines += ["Anyone who can reach this machine can read these runs: no token is asked for."]
    return "\n".join(lines)


def _reachable(host: str) -> str:
    """A name to write into an address: for 'any of mine' the machine's own."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
