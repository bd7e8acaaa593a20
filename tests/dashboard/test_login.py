"""The login page: a form of plain HTML that takes everything it is told as text."""

from __future__ import annotations

from dashboard.login import login_page
from dashboard.theme import DARK, LIGHT


def test_what_is_asked_for_stays_text() -> None:
    page = login_page("/login", '"><script>go()</script>', "<b>wrong</b>")
    assert "<script>" not in page
    assert 'value="&quot;&gt;&lt;script&gt;go()&lt;/script&gt;"' in page
    assert '<p class="trouble" role="alert">&lt;b&gt;wrong&lt;/b&gt;</p>' in page


def test_it_needs_no_script_and_nothing_from_anywhere() -> None:
    page = login_page("/login", "")
    assert "<script" not in page
    assert "http" not in page
    assert "trouble" not in page.partition("<body>")[2]


def test_it_has_both_schemes_of_the_house() -> None:
    style = login_page("/login", "").partition("</style>")[0]
    light, _, dark = style.partition("prefers-color-scheme:dark")
    assert f"--page:{LIGHT.page};" in light
    assert f"--page:{DARK.page};" in dark
