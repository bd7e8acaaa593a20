"""Behind a proxy, under a prefix, and with a token: as a browser meets them."""

from __future__ import annotations

import http.client
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Open, Serve

pytestmark = pytest.mark.browser

PREFIX = "/user/ada/proxy/8050"


@contextmanager
def proxied(upstream: str) -> Iterator[str]:
    """A reverse proxy before a server, of those that take the prefix off."""
    place = upstream.removeprefix("http://")

    class Proxy(BaseHTTPRequestHandler):
        def answer(self) -> None:
            if not self.path.startswith(PREFIX):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = self.path.removeprefix(PREFIX)
            headers = dict(self.headers) | {"X-Forwarded-For": "10.0.0.7", "Connection": "close"}
            behind = http.client.HTTPConnection(place, timeout=30)
            behind.request(self.command, path, body, headers)
            found = behind.getresponse()
            content = found.read()
            behind.close()
            self.send_response(found.status)
            for name, value in found.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "server", "date"):
                    self.send_header(name, value)
            with suppress(ConnectionError):  # the page has been left
                self.end_headers()
                self.wfile.write(content)

        do_GET = do_POST = answer  # noqa: N815  (names of the library's)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}{PREFIX}"
        server.shutdown()
        thread.join()


def shows_all(page: Page) -> None:
    expect(page.locator(".run-title h1")).to_have_text("group/sick")
    expect(page.locator("#chooser")).to_have_value("group/sick")


@pytest.fixture
def fresh(browser: Browser, serve: Serve) -> Iterator[BrowserContext]:
    """A browser that may be refused, and to which this machine is another one of the lab.

    To what is not encrypted and not on its own machine a browser says less of where a page is from.
    """
    there = browser.browser_type.launch(
        executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
        args=["--no-sandbox", "--host-resolver-rules=MAP lab.test 127.0.0.1"],
    )
    yield there.new_context(color_scheme="dark")
    there.close()


def test_the_app_works_behind_a_proxy(visit: Open, serve: Serve, runs: Path) -> None:
    upstream = serve(runs, base_path=f"{PREFIX}/", token="t0ken")
    with proxied(upstream) as address:
        page = visit(f"{address}/?token=t0ken&run=group/sick")
        shows_all(page)
        assert page.url.startswith(f"{address}/?run=group")
        page.get_by_role("link", name="Layers", exact=True).click()
        page.wait_for_selector("#gradient_flow .heatmaplayer image", state="attached")
        page.reload()  # the cookie has come through, and holds for the prefix
        shows_all(page)
        assert page.url.startswith(f"{address}/?")
        page.context.close()


def test_whoever_has_no_token_is_asked_for_it_once(
    fresh: BrowserContext, serve: Serve, runs: Path
) -> None:
    address = serve(runs, token="t0ken").replace("127.0.0.1", "lab.test")
    page = fresh.new_page()
    page.goto(f"{address}/?run=group/sick")
    expect(page.get_by_role("heading", name="Fathom")).to_be_visible()
    assert "group/sick" not in page.locator("body").inner_text()
    field = page.get_by_label("Token")
    expect(field).to_be_focused()
    field.fill("wrong")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    field.fill("t0ken")
    page.get_by_role("button", name="Open").click()
    shows_all(page)
    assert page.url.startswith(f"{address}/?run=group")
    fresh.clear_cookies()  # as if the server had been started anew
    expect(page.get_by_label("Token")).to_be_visible(timeout=20_000)


def test_a_link_on_another_site_opens_for_whoever_is_in(
    fresh: BrowserContext, serve: Serve, runs: Path
) -> None:
    """What a colleague sends in a chat: the browser says that it comes from elsewhere."""
    address = serve(runs, token="t0ken").replace("127.0.0.1", "lab.test")
    page = fresh.new_page()
    chat = "http://chat.test/"
    links = [f"{address}/?token=t0ken&run=group/sick", f"{address}/?run=group/sick"]
    told = "".join(f'<p><a href="{link}">look</a></p>' for link in links)
    page.route(chat, lambda route: route.fulfill(body=told, content_type="text/html"))
    for n in range(len(links)):
        page.goto(chat)
        page.get_by_role("link", name="look").nth(n).click()
        expect(page.locator(".run-title h1")).to_have_text("group/sick")
