"""Serving under a prefix, such as /user/ada/proxy/8050/, behind a proxy that may take it off."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from diagnostics.run import FathomError

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]
_PLAIN = re.compile(r"/(?:[\w.~@:+=,-]+/)*", re.ASCII)


def base_path_of(text: str) -> str:
    """The prefix with a slash at both ends."""
    path = f"/{text.strip('/')}/" if text.strip("/") else "/"
    if not _PLAIN.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise FathomError(
            f"'{text}' is no path to serve under; give one such as /user/ada/proxy/8050"
        )
    return path


class UnderBasePath:
    """The app, for proxies of both kinds: those that pass the prefix on, and those that do not."""

    def __init__(self, app: Wsgi, base_path: str) -> None:
        self._app, self._prefix = app, base_path.rstrip("/")

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = f"{self._prefix}/{path.lstrip('/')}"
        return self._app(environ, start_response)
