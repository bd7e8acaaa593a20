"""A threaded HTTP server on a free port, for one person's browser."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from diagnostics.run import FathomError

if TYPE_CHECKING:
    from flask import Flask


def listen(app: Flask, host: str, port: int) -> BaseWSGIServer:
    """A server that listens, but does not answer before `serve_forever`."""
    with _free_socket(host, port) as door:
        where = door.getsockname()
        return make_server(
            host, where[1], app, threaded=True, request_handler=_Quiet, fd=door.fileno()
        )


class _Quiet(WSGIRequestHandler):
    """No line on the terminal for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _free_socket(host: str, port: int, tries: int = 50) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in [*range(port, min(port + tries, 65536)), 0] if port else [0]:
        door = socket.socket(family, socket.SOCK_STREAM)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, candidate))
            door.listen(128)
        except (OSError, OverflowError) as error:
            door.close()
            refused = error
        else:
            return door
    raise FathomError(f"cannot listen on {host}: {refused}")
