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

from dashboard.app import LOOPBACK, build
from dashboard.guard import from_here, guard

PAGE = "<html><script>go()</script><script src='/x.js'></script></html>"


def client(hosts: Collection[str] | None = LOOPBACK) -> Any:
    app = Flask("guarded")
    app.add_url_rule("/", "page", lambda: PAGE, methods=["GET", "POST"])
    app.add_url_rule("/data", "data", lambda: {"a": 1})
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
    headers = client().get("/data").headers
    assert "Content-Security-Policy" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("::1", True), ("192.168.1.7", False), ("", False), ("localhost", False)],
)
def test_whether_a_request_came_from_this_machine(address: str, here: bool) -> None:
    environ = {"REMOTE_ADDR": address}
    with Flask("x").test_request_context("/", environ_overrides=environ):
        assert from_here() is here


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
