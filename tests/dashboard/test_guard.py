"""Only its own pages, under its own names, talk to the app."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from dashboard.app import build
from dashboard.guard import LOOPBACK, from_here, guard, is_admitted, may_start

PAGE = "<html><script>go()</script><script src='/x.js'></script></html>"


def client(hosts: Collection[str] | None = LOOPBACK) -> Any:
    app = Flask("guarded", static_folder=None)
    app.add_url_rule("/", "page", lambda: PAGE, methods=["GET", "POST"])
    app.add_url_rule("/assets/data", "data", lambda: {"a": 1})
    app.add_url_rule("/_dash-layout", "may", lambda: [may_start(), is_admitted()])
    app.add_url_rule("/_reload-hash", "more", lambda: "something of dash's")
    guard(app, hosts)
    return app.test_client()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8050", "[::1]:8050"])
def test_its_own_names_are_answered(host: str) -> None:
    assert client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:8050", "127.0.0.1.evil.test", "localhost:1@evil.test"]
)
def test_another_sites_name_is_refused(host: str) -> None:
    assert client().get("/", headers={"Host": host}).status_code == 403


def test_whoever_serves_to_all_answers_to_any_name() -> None:
    assert client(None).get("/", headers={"Host": "lab.test"}).status_code == 200


@pytest.mark.parametrize("hosts", [LOOPBACK, None])
@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)],
)
def test_another_sites_page_cannot_post(
    hosts: Collection[str] | None, site: str, status: int
) -> None:
    answer = client(hosts).post("/", headers={"Host": "localhost", "Sec-Fetch-Site": site})
    assert answer.status_code == status


def test_a_link_from_another_site_is_followed() -> None:
    headers = {"Host": "localhost", "Sec-Fetch-Site": "cross-site"}
    assert client().get("/", headers=headers).status_code == 200


def test_a_pages_own_scripts_are_named_by_their_hash_and_no_others_run() -> None:
    policy = client().get("/").headers["Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(b"go()").digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'self';")


def test_what_is_no_page_has_no_policy_and_is_not_guessed_at() -> None:
    headers = client().get("/assets/data").headers
    assert "Content-Security-Policy" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"


HERE = {"Host": "localhost:8050", "Origin": "http://localhost:8050"}


@pytest.mark.parametrize(
    ("address", "headers", "here"),
    [
        ("127.0.0.1", HERE, True),
        ("127.0.0.1", {"Host": "127.0.0.1"}, True),
        ("::1", {"Host": "[::1]:8050", "Origin": "http://[::1]:8050"}, True),
        ("192.168.1.7", HERE, False),
        ("", HERE, False),
        ("localhost", HERE, False),
        ("127.0.0.1", HERE | {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", HERE | {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", HERE | {"X-Forwarded-Proto": "https"}, False),
        ("127.0.0.1", HERE | {"X-ProxyContextPath": "/user/ada"}, False),
        ("127.0.0.1", HERE | {"X-Real-IP": "127.0.0.1"}, False),
        ("127.0.0.1", HERE | {"Via": "1.1 lab"}, False),
        ("127.0.0.1", HERE | {"Origin": "https://lab.test"}, False),  # a proxy that says nothing
        ("127.0.0.1", HERE | {"Host": "lab.test"}, False),
    ],
)
def test_whether_a_request_came_from_this_machine(
    address: str, headers: dict[str, str], here: bool
) -> None:
    environ = {"REMOTE_ADDR": address}
    with Flask("x").test_request_context("/", environ_overrides=environ, headers=headers):
        assert from_here() is here


@pytest.mark.parametrize(("peer", "may"), [("127.0.0.1", True), ("10.0.0.7", False)])
def test_without_a_token_all_may_read_and_only_this_machine_may_start(peer: str, may: bool) -> None:
    asked = {"headers": HERE, "environ_overrides": {"REMOTE_ADDR": peer}}
    assert client(None).get("/_dash-layout", **asked).json == [may, True]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost:8050", 200),
        ("http://localhost:9999", 403),  # another server of this machine
        ("http://evil.test", 403),
        ("null", 403),
        (None, 200),  # no browser
    ],
)
def test_a_browser_that_says_no_site_is_judged_by_the_origin(
    origin: str | None, status: int
) -> None:
    headers = {"Host": "localhost:8050"} | ({"Origin": origin} if origin else {})
    assert client().post("/", headers=headers).status_code == status


def test_what_a_proxy_says_it_was_called_is_its_name() -> None:
    headers = {"Origin": "http://lab.test", "X-Forwarded-Host": "lab.test", "Host": "localhost"}
    assert client().post("/", headers=headers).status_code == 200


def test_nothing_is_answered_but_what_the_app_is_made_of() -> None:
    assert client().get("/_reload-hash", headers={"Host": "localhost"}).status_code == 404
    assert client().get("/_dash-layout", headers={"Host": "localhost"}).status_code == 200


def test_a_prefix_without_its_slash_leads_to_it() -> None:
    app = Flask("guarded", static_folder=None)
    guard(app, None, base_path="/u/p/")
    answer = app.test_client().get("/u/p")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/u/p/")


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/", "no-store"),
        ("/_dash-layout", "no-store"),
        ("/assets/data", "private, no-cache"),
        ("/assets/data?m=17", "private, max-age=31536000, immutable"),
        ("/assets/none?m=17", "private, no-cache"),
    ],
)
def test_only_what_carries_a_fingerprint_is_kept(path: str, kept: str) -> None:
    assert client().get(path, headers={"Host": "localhost"}).headers["Cache-Control"] == kept


def test_no_address_is_passed_on() -> None:
    assert client().get("/").headers["Referrer-Policy"] == "no-referrer"


def test_the_app_is_guarded(tmp_path: Path) -> None:
    app = build(tmp_path).server.test_client()
    answer = app.get("/", headers={"Host": "localhost"})
    inline = re.findall(r"<script[^>]*>.", answer.text, re.DOTALL)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "script-src 'self' 'sha256-" in answer.headers["Content-Security-Policy"]
    assert inline
    assert app.get("/", headers={"Host": "evil.test"}).status_code == 403


def test_dashs_own_ways_in_are_shut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASH_MCP_ENABLED", "true")
    app = build(tmp_path).server
    asked = app.test_client()
    rules = {str(rule) for rule in app.url_map.iter_rules()}
    assert not any("mcp" in rule for rule in rules)
    for path in ("/_reload-hash", "/_alive_x", "/_dash-mcp", "/static/x", "/anything"):
        assert asked.get(path, headers={"Host": "localhost"}).status_code == 404


def test_under_a_prefix_and_with_a_token_the_app_is_whole(tmp_path: Path) -> None:
    app = build(tmp_path, None, base_path="/u/p/", token="t").server.test_client()
    assert app.get("/u/p/").status_code == 401
    assert app.get("/u/p/_dash-layout").status_code == 401
    app.get("/u/p/?token=t")
    page = app.get("/u/p/").text
    linked = re.findall(r"""(?:src|href)="([^"]*)\"""", page)
    own = [each for each in linked if not each.startswith(("?", "#"))]  # the pages: relative
    assert own
    assert all(each.startswith("/u/p/") for each in own)
    for each in own:
        with app.get(each) as answer:
            assert answer.status_code == 200
    assert app.get("/u/p/_dash-layout").status_code == 200
