"""The token opens, once; its cookie from then on; wrong ones are refused, and soon not heard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from dashboard.entrance import MOST_PEERS, WRONG, WrongTries
from dashboard.guard import guard, may_start

TOKEN = "s3cret-ü"


def client(base_path: str = "/", token: str = TOKEN) -> Any:
    app = Flask("guarded", static_folder=None)
    app.add_url_rule(base_path, "page", lambda: "the runs")
    app.add_url_rule(f"{base_path}assets/x.js", "asset", lambda: "script")
    app.add_url_rule(
        f"{base_path}_dash-update-component",
        "work",
        lambda: {"may": may_start()},
        methods=["POST"],
    )
    guard(app, None, base_path=base_path, token=token)
    return app.test_client()


@pytest.mark.parametrize("path", ["/", "/?run=a", "/login"])
def test_without_it_a_page_asks_for_it_and_shows_nothing_else(path: str) -> None:
    answer = client().get(path)
    assert answer.status_code == 401
    assert '<input id="token" name="token" type="password"' in answer.text
    assert "the runs" not in answer.text


def test_without_it_no_asset_is_given_and_no_callback_runs() -> None:
    visitor = client()
    assert visitor.get("/assets/x.js").status_code == 401
    assert visitor.post("/_dash-update-component", json={}).status_code == 401
    assert visitor.get("/assets/x.js?token=" + TOKEN).status_code == 401


def test_in_the_address_it_becomes_a_cookie_and_the_address_forgets_it() -> None:
    visitor = client()
    answer = visitor.get("/", query_string={"run": "a/b c", "token": TOKEN, "with": "d&e"})
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/?run=a%2Fb+c&with=d%26e"
    cookie = answer.headers["Set-Cookie"]
    assert re.match(r"fathom-80=[\w-]{43}; HttpOnly; Path=/; SameSite=Lax$", cookie)
    assert visitor.get("/").text == "the runs"
    assert visitor.get("/assets/x.js").text == "script"
    assert visitor.post("/_dash-update-component", json={}).json == {"may": True}


def test_whoever_is_in_already_loses_it_from_the_address_too() -> None:
    visitor = client()
    visitor.get("/", query_string={"token": TOKEN})
    again = visitor.get("/", query_string={"token": TOKEN, "run": "a"})
    assert (again.status_code, again.headers["Location"]) == (303, "/?run=a")


def test_typed_in_it_leads_to_the_page_that_was_asked_for() -> None:
    visitor = client("/u/p/")
    page = visitor.get("/u/p/?run=%3Cb%3E&step=3").text
    action = re.search(r'action="([^"]+)"', page)
    query = re.search(r'name="query" type="hidden" value="([^"]*)"', page)
    assert action
    assert query
    assert action[1] == "/u/p/login"
    form = {"token": TOKEN, "query": query[1].replace("&amp;", "&")}
    answer = visitor.post(action[1], data=form)
    assert answer.headers["Location"] == "/u/p/?run=%3Cb%3E&step=3"
    assert visitor.get("/u/p/").text == "the runs"


@pytest.mark.parametrize("query", ["//evil.test", "\r\nX: y", "a=1#https://evil.test"])
def test_it_leads_nowhere_else(query: str) -> None:
    answer = client().post("/login", data={"token": TOKEN, "query": query})
    assert answer.status_code == 303
    assert re.match(r"/(\?[\w%+&=.-]*)?$", answer.headers["Location"])
    assert "X" not in answer.headers


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "token"])
def test_in_a_header_it_opens_without_a_cookie(kind: str) -> None:
    visitor = client(token="plain")
    shown = {"Authorization": f"{kind} plain"}
    assert visitor.get("/assets/x.js", headers=shown).text == "script"
    assert visitor.get("/assets/x.js").status_code == 401


@pytest.mark.parametrize(
    "shown", ["Bearer wrong", "Bearer", "Basic plain", "plain", "Bearer plainer", "Bearer \xff"]
)
def test_a_wrong_header_opens_nothing(shown: str) -> None:
    headers = {"Authorization": shown}
    assert client(token="plain").get("/assets/x.js", headers=headers).status_code == 401


def test_the_cookie_of_another_server_opens_nothing() -> None:
    one, other = client(), client()
    one.get("/", query_string={"token": TOKEN})
    cookie = one.get_cookie("fathom-80")
    other.set_cookie("fathom-80", cookie.value)
    assert other.get("/").status_code == 401
    other.set_cookie("fathom-80", TOKEN)
    assert other.get("/").status_code == 401


def test_behind_tls_the_cookie_goes_nowhere_else() -> None:
    shown = {"query_string": {"token": TOKEN}}
    there = client().get("/", headers={"X-Forwarded-Proto": "https"}, **shown)
    assert "; Secure;" in there.headers["Set-Cookie"]


def test_after_some_wrong_ones_even_the_right_one_has_to_wait() -> None:
    visitor = client()
    tried = [visitor.post("/login", data={"token": "guess"}).status_code for _ in range(WRONG)]
    assert tried == [401] * (WRONG - 1) + [429]
    answer = visitor.post("/login", data={"token": TOKEN})
    assert answer.status_code == 429
    assert "wait a minute" in answer.text
    assert answer.headers["Retry-After"] == "60"
    elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
    answer = visitor.post("/login", data={"token": TOKEN}, environ_overrides=elsewhere)
    assert answer.status_code == 303
    assert visitor.get("/").text == "the runs"  # whoever is in stays in


def test_patience_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("dashboard.entrance.time.monotonic", lambda: clock[0])
    tries = WrongTries()
    for _ in range(WRONG):
        assert not tries.too_many("a")
        tries.note("a")
    assert tries.too_many("a")
    assert not tries.too_many("b")
    clock[0] += 61
    assert not tries.too_many("a")


def test_no_number_of_strangers_fills_the_memory() -> None:
    tries = WrongTries()
    for peer in range(3 * MOST_PEERS):
        tries.note(str(peer))
    assert len(tries._times) == MOST_PEERS
