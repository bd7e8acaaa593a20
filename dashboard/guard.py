"""Who may talk to the app: its own pages, under its own names, loading nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from ipaddress import ip_address
from typing import TYPE_CHECKING

from flask import Response, abort, request

if TYPE_CHECKING:
    from flask import Flask


def guard(app: Flask, hosts: Collection[str] | None) -> None:
    """Pages of other sites can neither read this one nor be loaded into it."""

    @app.before_request
    def known_host() -> None:
        name = request.host.rsplit(":", 1)[0].strip("[]") if request.host else ""
        if hosts is not None and name not in hosts:
            abort(403)
        foreign = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        if foreign and request.method == "POST":
            abort(403)

    @app.after_request
    def policy(response: Response) -> Response:
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = _policy(response.get_data(as_text=True))
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def from_here() -> bool:
    """Whether the request under way came from this very machine."""
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def _policy(page: str) -> str:
    """Scripts from this server and the page's own inline ones, named by hash; nothing else."""
    inline = re.findall(r"<script[^>]*>(.*?)</script>", page, flags=re.DOTALL)
    digests = [hashlib.sha256(script.encode()).digest() for script in inline if script.strip()]
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
