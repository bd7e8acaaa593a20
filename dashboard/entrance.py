"""The token at the door: in the address, in a header or typed in; then a cookie stands for it."""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from flask import Response, redirect

from dashboard.login import login_page

if TYPE_CHECKING:
    from flask import Request
    from werkzeug.wrappers import Response as Answer

WRONG, MINUTE = 10, 60.0  # so many wrong tokens are heard from one address in so many seconds
MOST_PEERS = 1000  # whose wrong tokens are remembered


class Entrance:
    """Lets in who shows the token, once; and who then shows the cookie it is changed for."""

    def __init__(self, token: str, base_path: str) -> None:
        self._token, self._base_path = token.encode(), base_path
        # not made from the token: guessing cookies is no way round the patience with wrong tokens
        self._cookie = secrets.token_urlsafe(32)
        self._wrong = WrongTries()

    def holds(self, request: Request) -> bool:
        """Whether the request shows the cookie, or the token in a header."""
        cookie = request.cookies.get(_cookie_name(request), "")
        if hmac.compare_digest(cookie.encode(errors="replace"), self._cookie.encode()):
            return True
        kind, _, shown = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() in ("bearer", "token") and self._is_right(request, shown.strip())

    def answer(self, request: Request, *, is_page: bool) -> Answer:
        """To a request that is not let through as it is: in, or why not."""
        if not is_page:
            return _refusal("Show the token: Authorization: Bearer …")
        shown, query = _shown(request)
        if shown is None:
            return self._ask(query)
        if self._is_right(request, shown):
            return self._welcome(request, query)
        if self._wrong.too_many(request.remote_addr):
            return self._ask(query, "Too many wrong tokens; wait a minute.", 429)
        return self._ask(query, "This is not the token.")

    def _is_right(self, request: Request, shown: str) -> bool:
        peer = request.remote_addr
        if self._wrong.too_many(peer):
            return False
        right = hmac.compare_digest(shown.encode(errors="replace"), self._token)
        if not right:
            self._wrong.note(peer)
        return right

    def _welcome(self, request: Request, query: str) -> Answer:
        """To the same page, its address without the token."""
        answer = redirect(self._base_path + (f"?{query}" if query else ""), 303)
        encrypted = request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
        answer.set_cookie(
            _cookie_name(request),
            self._cookie,
            path=self._base_path,
            httponly=True,
            secure=encrypted,
            # not Strict: a link that a colleague sends would then always end at the login page;
            # what changes anything is a POST, which no other site's page may send anyway
            samesite="Lax",
        )
        return answer

    def _ask(self, query: str, trouble: str = "", status: int = 401) -> Answer:
        page = login_page(f"{self._base_path}login", query, trouble)
        return _refusal(page, status, "text/html")


class WrongTries:
    """How often each address has shown a wrong token of late."""

    def __init__(self) -> None:
        self._times: OrderedDict[str | None, deque[float]] = OrderedDict()

    def note(self, peer: str | None) -> None:
        self._times.setdefault(peer, deque(maxlen=WRONG)).append(time.monotonic())
        self._times.move_to_end(peer)
        while len(self._times) > MOST_PEERS:
            self._times.popitem(last=False)

    def too_many(self, peer: str | None) -> bool:
        times = self._times.get(peer, deque())
        return len(times) == WRONG and time.monotonic() - times[0] < MINUTE


def _cookie_name(request: Request) -> str:
    """With the port: browsers do not tell two servers of one machine apart by it."""
    return f"fathom-{request.environ.get('SERVER_PORT')}"


def _shown(request: Request) -> tuple[str | None, str]:
    """The token in the form or in the address, and what else the page's address asks for."""
    if request.method == "POST":
        kept = parse_qsl(request.form.get("query", ""), keep_blank_values=True)
        return request.form.get("token"), urlencode(kept)
    asked = [(name, value) for name, value in request.args.items(multi=True) if name != "token"]
    return request.args.get("token"), urlencode(asked)


def _refusal(text: str, status: int = 401, mimetype: str = "text/plain") -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": "60"}
    return Response(text, status, headers, mimetype=mimetype)
