"""A prefix is well formed, and both kinds of proxies reach the app under it."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.base_path import UnderBasePath, base_path_of
from diagnostics.run import FathomError


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("", "/"),
        ("/", "/"),
        ("fathom", "/fathom/"),
        ("/user/ada/proxy/8050", "/user/ada/proxy/8050/"),
        ("/user/a@b.c/proxy/8050/", "/user/a@b.c/proxy/8050/"),
    ],
)
def test_slashes_are_put_where_they_belong(text: str, path: str) -> None:
    assert base_path_of(text) == path


@pytest.mark.parametrize("text", ["/a b", "/a/../b", "/a//b", "/<b>", "/%2e", "/a?b", "/a\n", "/ü"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(FathomError, match="is no path to serve under"):
        base_path_of(text)


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/u/p/", "/u/p/"),
        ("/u/p/assets/x.js", "/u/p/assets/x.js"),
        ("/assets/x.js", "/u/p/assets/x.js"),  # of a proxy that takes the prefix off
        ("/", "/u/p/"),
        ("/u/p", "/u/p"),
        ("/u/pq/x", "/u/p/u/pq/x"),
    ],
)
def test_with_the_prefix_or_without_it_the_app_sees_it(asked: str, seen: str) -> None:
    def app(environ: dict[str, Any], _: Any) -> list[bytes]:
        return [environ["PATH_INFO"].encode()]

    assert [*UnderBasePath(app, "/u/p/")({"PATH_INFO": asked}, None)] == [seen.encode()]


def test_without_a_prefix_nothing_changes() -> None:
    def app(environ: dict[str, Any], _: Any) -> list[bytes]:
        return [environ["PATH_INFO"].encode()]

    assert [*UnderBasePath(app, "/")({"PATH_INFO": "/assets/x.js"}, None)] == [b"/assets/x.js"]
