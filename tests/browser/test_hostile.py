"""Fifty hostile names, wherever names show: as text, executing nothing, loading nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from dashboard.report import report
from diagnostics.run import Run
from probes import Recorder
from probes.folder import create_run, write_json
from tests.browser.conftest import Open, serving

pytestmark = pytest.mark.browser

HACK = "document.title='hacked'"
NAMES = (
    f"<script>{HACK}</script>",
    f"</script><script>{HACK}</script>",
    f"</style><script>{HACK}</script>",
    f"</title><svg onload={HACK}>",
    f"--><script>{HACK}</script><!--",
    f'<img src=x onerror="{HACK}">',
    f"'\"><img src=x onerror={HACK}>",
    '<img src="https://evil.test/pixel">',
    "<iframe src=https://evil.test></iframe>",
    "<object data=https://evil.test></object>",
    "<base href=https://evil.test/>",
    "<meta http-equiv=refresh content='0;url=https://evil.test'>",
    "<link rel=stylesheet href=https://evil.test/x.css>",
    "<form action=https://evil.test><input autofocus>",
    f"<details open ontoggle={HACK}>",
    f'<a href="javascript:{HACK}">click</a>',
    '<a href="https://evil.test">click</a>',
    '<b style="background:url(https://evil.test/b)">bold</b>',
    "<b>bold</b>",  # so short that no picture shortens it
    "<style>*{display:none}</style>",
    "<i>oblique</i>",
    "<a href=//e.t>x</a>",
    "@import url(https://evil.test/i.css);",
    "url(https://evil.test/u)",
    "x;background:url(//evil.test/p)",
    f"javascript:{HACK}",
    f"data:text/html,<script>{HACK}</script>",
    "//evil.test/x",
    "https://evil.test/x",
    "%{x}",
    "%{customdata[0]}<extra>gone</extra>",
    "{{7*7}}",
    "${7*7}",
    "{%scripts%}",
    "{0.__class__}",
    "<%= 7*7 %>",
    "__proto__",
    "constructor",
    "../../../../etc/passwd",
    "%2e%2e%2fetc",
    "a\0b",
    "line\nbreak\r\ttab",
    "\u202egnp.exe",  # written from right to left
    "\u200b\ufeff",  # nothing to be seen
    "שלום עולם",
    "💥🏳️‍🌈é\u0301\u0301",
    '=HYPERLINK("https://evil.test","x")',
    "+cmd|' /C calc'!A0",
    "&lt;b&gt;&amp;quot;",
    "L" * 10_000,
)
PAYLOAD = ", ".join(  # what would be on the page if a name were read as markup
    [
        *("img[src*=x]", "img[src*=evil]", "iframe", "object", "base", "form", "svg[onload]"),
        *("details[open][ontoggle]", "meta[http-equiv=refresh]", "[href^='//']"),
        *("[style*=evil]", "[href*='://evil']", "[href^='javascript:']", "main b", "svg text a"),
        *(".ytick tspan[style]", ".legendtext tspan[style]", ".hovertext [style*=italic]"),
    ]
)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with layers and scalars of these names, and runs that are called so."""
    root = tmp_path_factory.mktemp("strange") / "<b>root {%scripts%} STYLE"
    for n, name in enumerate(NAMES):
        as_file = name.replace("/", "\u2215").replace("\0", "")[:60]
        told = {"started": "2026-01-01T00:00:00+00:00", "host": name, "model": {"class": name}}
        if as_file not in ("", ".", ".."):
            create_run(root / "others" / as_file, told | {"optimizers": [name]})
            write_json(root / "others" / as_file / "summary.json", {"steps": n, "state": name})
    torch.manual_seed(0)
    model = torch.nn.Sequential()
    for name in NAMES:
        model.add_module(name.replace(".", ","), torch.nn.Linear(4, 4))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Recorder(model, optimizer, root / f"run {NAMES[6][:40]}") as recorder:
        for _ in range(3):
            loss = model(torch.randn(8, 4)).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)
            recorder.log(**dict.fromkeys(NAMES, 1.0))
    return root


@pytest.fixture(scope="module")
def app(strange: Path) -> Iterator[str]:
    with serving(strange) as address:
        yield address


def harmless(page: Page) -> None:
    """Nothing of a name has become part of the page."""
    assert page.title() != "hacked"
    assert page.locator(PAYLOAD).count() == 0
    assert page.evaluate("getComputedStyle(document.body).display") != "none"
    told = [*page.locator("svg text").all_text_contents(), page.locator("body").inner_text()]
    assert [text for text in told if "native code" in text or "[object" in text] == []
    assert page.evaluate("({}).polluted === undefined && typeof {}.constructor") == "function"


def looked_over(page: Page) -> None:
    """Everything that waits to be scrolled to is drawn."""
    page.evaluate(
        """async () => {
            const whole = document.scrollingElement;
            for (let at = 0; at < Math.min(whole.scrollHeight, 9000); at += 700) {
                whole.scrollTo(0, at);
                await new Promise((done) => setTimeout(done, 30));
            }
        }"""
    )


def pointed_at(page: Page) -> None:
    """What a picture tells of the place under the pointer."""
    for picture in page.locator(".nsewdrag").all()[:3]:
        picture.hover(force=True, position={"x": 20, "y": 20})


def test_every_page_of_the_app_takes_names_as_text(visit: Open, app: str, strange: Path) -> None:
    others = sorted(path.name for path in (strange / "others").iterdir())[:3]
    beside = "".join(f"&with={quote(f'others/{name}')}" for name in others)
    page = visit(f"{app}/?page=overview{beside}")
    expect(page.locator(".run-title h1")).to_have_text("run " + NAMES[6][:40])
    harmless(page)
    seen = ""
    for link in page.locator("#pages a").all():
        link.click()
        expect(page.locator("a[aria-current=page]")).to_have_text(link.inner_text())
        page.wait_for_load_state("networkidle")
        looked_over(page)
        pointed_at(page)
        harmless(page)
        seen += page.locator("body").inner_text()
    assert "<script>" in seen
    assert page.url.startswith(f"{app}/?")


def test_a_name_in_the_address_is_text_too(visit: Open, app: str) -> None:
    page = visit(f"{app}/?page=layers")
    expect(page.locator(".run-title h1")).to_be_visible()
    for name in NAMES[:8]:
        for what in ("layer", "page", "view", "with", "scale", "run"):
            page.evaluate("([what, name]) => fathomAddress.go({[what]: name})", [what, name])
    expect(page.locator(".notice").first).to_contain_text("choose one from the list")
    harmless(page)


def test_the_report_takes_names_as_text(browser: Browser, strange: Path, tmp_path: Path) -> None:
    (run,) = [path for path in strange.iterdir() if path.name.startswith("run ")]
    path = report([Run(run)], tmp_path / "report.html")
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.resolve().as_uri())
    looked_over(page)
    pointed_at(page)
    harmless(page)
    assert "<script>" in page.locator("body").inner_text()
    outside = [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]
    context.close()
    assert outside == []
    assert asked
