"""Who may talk to the app: its own pages, under its own names, with the token if one is asked."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Response, abort, g, redirect, request

from dashboard.entrance import Entrance

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response as Answer

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PLACES = (  # all that is answered to: nothing that an environment variable switches on in dash
    *("", "assets", "health", "login", "_favicon.ico"),
    *("_dash-layout", "_dash-dependencies", "_dash-update-component", "_dash-component-suites"),
)
_FORWARDED = re.compile(r"(X-)?Forwarded|X-Real-Ip$|X-Proxy|Via$", re.IGNORECASE)
_YEAR = 365 * 24 * 3600


def guard(
    app: Flask, hosts: Collection[str] | None, *, base_path: str = "/", token: str = ""
) -> None:
    """Pages of other sites can neither read this one nor be loaded into it.

    `hosts`: the names it answers to (None: any). `token`: without it nothing is shown (empty:
    nobody is asked for one).
    """
    entrance = Entrance(token, base_path) if token else None

    @app.before_request
    def enter() -> Answer | None:
        _check_host(hosts)
        if _is_foreign_post():
            abort(403, "A page of another site sent this; open the app itself.")
        if request.path + "/" == base_path:
            return redirect(base_path, 308)
        place = request.path.removeprefix(base_path).partition("/")[0]
        if not request.path.startswith(base_path) or place not in PLACES:
            abort(404)
        g.trusted = entrance.holds(request) if entrance else from_here()
        g.admitted = entrance is None or g.trusted
        passes = place == "health" or (g.admitted and "token" not in request.args)
        if entrance is None or (passes and place != "login"):
            return None
        return entrance.answer(request, is_page=place in ("", "login"))

    @app.after_request
    def tell(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = _policy(response.get_data(as_text=True))
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Cache-Control"] = _keeping(response)
        return response


def may_start() -> bool:
    """Whether whoever sent the request under way may start computations, and stop them.

    Where a token is asked for: whoever holds it. Elsewhere: a browser on this very machine.
    """
    return bool(g.get("trusted", False))


def is_admitted() -> bool:
    """Whether whoever sent the request under way may read the runs."""
    return bool(g.get("admitted", False))


def from_here() -> bool:
    """Whether the request under way came from a browser on this very machine.

    What a proxy passes on comes from this machine too: a header gives it away, or that the
    browser speaks of another name.
    """
    if any(_FORWARDED.match(name) for name, _ in request.headers):
        return False
    named = [request.headers.get("Host", ""), _netloc(request.headers.get("Origin"))]
    return _is_loopback(request.remote_addr or "") and all(
        hostname(each) in LOOPBACK for each in named if each
    )


def hostname(address: str) -> str:
    """The name in `name:port`; empty where there is none."""
    try:
        return urlsplit(f"//{address}").hostname or ""
    except ValueError:
        return ""


def _check_host(hosts: Collection[str] | None) -> None:
    """A stranger's name that resolves to this machine makes no stranger's page one of ours."""
    name = hostname(request.headers.get("Host", ""))
    if hosts is not None and name not in hosts:
        abort(403, f"This app does not answer to the name '{name}'; add --allow-host {name}.")


def _is_foreign_post() -> bool:
    """Browsers say where a page is from; the older of them, and those without TLS, its origin."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("Origin")
    own = (request.headers.get("Host"), request.headers.get("X-Forwarded-Host"))
    return origin is not None and _netloc(origin) not in own


def _netloc(origin: str | None) -> str:
    return (origin or "").partition("://")[2]


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _keeping(response: Response) -> str:
    """What carries a fingerprint is kept; data are not, by nobody."""
    if "/assets/" not in request.path and "/_dash-component-suites/" not in request.path:
        return "no-store"
    if response.status_code < 400 and ("m" in request.args or response.cache_control.max_age):
        return f"private, max-age={_YEAR}, immutable"
    return "private, no-cache"


def _policy(page: str) -> str:
    """Scripts from this server and the page's own inline ones, named by hash; nothing else."""
    inline = re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.DOTALL)
    digests = [hashlib.sha256(script.encode()).digest() for script in inline if script.strip()]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
        "connect-src 'self'; frame-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'self'"
    )
