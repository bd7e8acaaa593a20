"""A walk through Fathom's pages: what each callback takes, what its user waits, what is sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard_browser import fresh_page

if TYPE_CHECKING:
    from dashboard_data import Case
    from playwright.sync_api import Browser, Page, Request

CALLBACK = "_dash-update-component"
QUIET = 400  # milliseconds without a change after which a page is as it will be
LONGEST = 30_000  # milliseconds that a step of the walk may take
TICK = "tick.n_intervals"  # what every look at a live run begins with
WATCHED = 16.0  # seconds of a live run

# A page stands still when nothing is on its way and nothing has changed for a while; the time is
# that of the last change.
STILL = """(() => {
  const walk = window.walk = {changed: 0, flying: 0, begun: 0};
  const told = change => change.attributeName !== 'data-dash-is-loading';
  new MutationObserver(all => { if (all.some(told)) walk.changed = performance.now(); }).observe(
    document, {subtree: true, childList: true, attributes: true, characterData: true});
  const ask = window.fetch;
  window.fetch = (...asked) => {
    walk.flying += 1;
    return ask(...asked).finally(() => { walk.flying -= 1; });
  };
  walk.do = act => { walk.begun = walk.changed = performance.now(); act(); };
  walk.took = () => {
    const quiet = performance.now() - Math.max(walk.begun, walk.changed);
    return walk.flying === 0 && quiet > QUIET ? walk.changed - walk.begun : null;
  };
})();"""


@dataclass(frozen=True)
class Answer:
    """Of a callback."""

    output: str
    server_ms: float
    size: int


@dataclass(frozen=True)
class Walked:
    """A step of the walk: what its user waited for, and what the server was asked."""

    step: str
    user_ms: float
    answers: list[Answer]


def walk(browser: Browser, address: str, case: Case) -> list[Walked]:
    """Every page twice, and on the pages of curves and of layers what one does there."""
    with fresh_page(browser) as page:
        page.add_init_script(STILL.replace("QUIET", str(QUIET)))
        asked = _requests(page)
        page.goto(f"{address}/?page=overview&run={case.names[0]}", wait_until="commit")
        found = [_step(page, asked, "open", "")]
        names = page.evaluate(
            "[...document.querySelectorAll('a[data-page]')].map(a => a.dataset.page)"
        )
        for when in ("first", "again"):
            found += [_step(page, asked, f"{name}, {when}", _link(name)) for name in names]
        for name, act in _acts(case).items():
            found.append(_step(page, asked, name, act))
        return found


def _link(page: str) -> str:
    return f"document.querySelector('a[data-page={page}]').click()"


def _acts(case: Case) -> dict[str, str]:
    """What is done on a page: mostly changes of its address."""
    go = "fathomAddress.go({{{}}})".format
    layers = {"middle": case.layers // 2, "last": case.layers - 1, "first": 0}
    steps = {"early": case.recorded[len(case.recorded) // 4], "late": case.recorded[-1]}
    acts = {"to the curves": _link("overview"), "smooth": go("smooth: 0.9")}
    acts |= {f"curves, {scale}": go(f"scale: '{scale}'") for scale in ("log", "linear")}
    acts |= {"to the layers": _link("layers"), "to one layer": _reach("layer_history")}
    acts |= {f"{which} layer": go(f"layer: 'blocks.{n}'") for which, n in layers.items()}
    acts |= {f"its {scale} scale": go(f"scale: '{scale}'") for scale in ("log", "linear")}
    acts |= {f"{which} step": go(f"step: {n}") for which, n in steps.items()}
    acts |= {"to the map": _reach("depth_map")}
    acts |= {f"map of quantity {n}": _choose("depth_map", n) for n in range(1, 4)}
    some = case.names[1:4]
    return acts | ({"another run": go(f"run: '{some[0]}'")} | _beside(some) if some else {})


def _beside(others: list[str]) -> dict[str, str]:
    """Runs compared."""
    return {
        f"compared with {len(others)}": f"fathomAddress.go({{page: 'compare', with: {others}}})"
    }


def _reach(place: str) -> str:
    return f"document.getElementById('{place}')?.scrollIntoView()"


def _choose(picture: str, which: int) -> str:
    return f"document.querySelectorAll('#{picture}-choices button')[{which}]?.click()"


def _step(page: Page, asked: list[Request], name: str, act: str) -> Walked:
    asked.clear()
    if act:
        page.evaluate(f"walk.do(() => {{ {act}; }})")
    took = _until_still(page)
    answers = [_answer(each) for each in asked if CALLBACK in each.url]
    return Walked(name, took, answers)


def _until_still(page: Page) -> float:
    """Milliseconds; infinitely many where the page never stands still."""
    deadline = time.monotonic() + LONGEST / 1000
    while time.monotonic() < deadline:
        page.wait_for_timeout(QUIET / 8)
        took: Any = page.evaluate("window.walk ? walk.took() : null")
        if took is not None:
            return float(took)
    return float("inf")


def _answer(request: Request) -> Answer:
    timing, sizes = request.timing, request.sizes()
    took = timing["responseStart"] - timing["requestStart"]
    size = sizes["responseBodySize"] + sizes["responseHeadersSize"]
    return Answer(_output(request), took, size)


def _output(request: Request) -> str:
    """What a callback gives; of any other request its address."""
    asked: Any = request.post_data_json if CALLBACK in request.url else None
    return str(asked["output"]) if asked else request.url


def ticks(browser: Browser, address: str) -> list[list[Answer]]:
    """What came after each look at a live run until the next one, once the page is there."""
    with fresh_page(browser) as page:
        asked = _requests(page)
        page.goto(address)
        page.wait_for_timeout(WATCHED / 2 * 1000)
        asked.clear()
        page.wait_for_timeout(WATCHED * 1000)
        return _by_tick(asked)


def _by_tick(asked: list[Request]) -> list[list[Answer]]:
    """Looks that come together are one; what came before the first or may follow the last, none."""
    begun = sorted(each.timing["startTime"] for each in asked if _is_look(each))
    looks = [at for n, at in enumerate(begun) if n == 0 or at - begun[n - 1] > QUIET]
    found: list[list[Answer]] = [[] for _ in range(len(looks) + 1)]
    for each in asked:
        found[sum(at <= each.timing["startTime"] for at in looks)].append(_answer(each))
    return found[1:-1]


def _is_look(request: Request) -> bool:
    if CALLBACK not in request.url:
        return False
    asked: Any = request.post_data_json or {}
    return TICK in (asked.get("changedPropIds") or [])


def _requests(page: Page) -> list[Request]:
    """Those that have been answered, as they come."""
    asked: list[Request] = []
    page.on("requestfinished", lambda each: asked.append(each))  # noqa: PLW0108 (it is marked)
    return asked
