"""The web server: a bounded number of threads and connections, and an end that is at once."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from waitress import create_server, wasyncore

from diagnostics.run import FathomError

THREADS = 8  # answers under way at once; whoever comes meanwhile waits in line
CONNECTIONS = 400  # a browser keeps six open
IDLE = 60  # seconds after which a connection that says nothing is closed
LARGEST_HEAD = 1 << 16  # bytes
LARGEST_BODY = 8 << 20  # of a question: what a page sends back is thousands of times smaller
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Server:
    """Listens from the start; answers as long as `serve_forever` runs."""

    def __init__(self, app: Wsgi, door: socket.socket) -> None:
        self.host, self.port = door.getsockname()[:2]
        self._waitress = create_server(
            app,
            sockets=[door],
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE,
            max_request_header_size=LARGEST_HEAD,
            max_request_body_size=LARGEST_BODY,
            asyncore_use_poll=True,  # select() ends at file number 1024
            clear_untrusted_proxy_headers=False,  # that there are any is a hint: see guard.py
            log_socket_errors=False,  # a viewer who has gone away is no error
            ident=None,
        )
        self._stopped, self._left = threading.Event(), threading.Event()
        self._left.set()

    def serve_forever(self) -> None:
        """Answer until `shutdown`, or until Ctrl-C is raised in here."""
        self._left.clear()
        try:
            while not self._stopped.is_set():
                wasyncore.loop(1.0, use_poll=True, map=self._waitress._map, count=1)
        finally:
            self._left.set()

    def shutdown(self) -> None:
        """From another thread: no further question is answered."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._waitress.pull_trigger()
        self._left.wait()

    def server_close(self, patience: float = 5.0) -> None:
        """Give the port back; answers under way are waited for, but no longer than this."""
        self._waitress.task_dispatcher.shutdown(timeout=patience)
        everything = dict(self._waitress._map)
        if self._waitress.task_dispatcher.threads:  # they will still wake the loop by its pipe
            for each in (self._waitress, self._waitress.trigger):
                everything.pop(each._fileno, None)
            wasyncore.dispatcher.close(self._waitress)  # its own close would close the pipe too
        wasyncore.close_all(everything, ignore_all=True)


def listen(app: Wsgi, host: str, port: int) -> Server:
    """A server that listens, but does not answer before `serve_forever`."""
    logging.getLogger("waitress").setLevel(logging.ERROR)  # a queue of some questions is no news
    return Server(app, _free_socket(host, port))


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
