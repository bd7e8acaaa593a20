"""The report as a page: words as HTML, figures as data, and what draws them, in one text."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.bundle import bundle_for, script
from dashboard.markup import element, to_html
from dashboard.packing import figures_text, packed
from dashboard.report_contents import badges, contents, side_by_side
from dashboard.report_panels import Figures
from dashboard.report_run import reported, run_section
from dashboard.theme import CONFIG, css_variables, swaps

if TYPE_CHECKING:
    from diagnostics.run import Run

_HERE = Path(__file__).parent
_SCRIPTS = (
    "assets/page.js",
    "assets/download.js",
    "assets/figures.js",
    "assets/linked.js",
    "assets/player.js",
    "report.js",
)
_STYLES = ("assets/fathom.css", "assets/overview.css", "report.css", "assets/print.css")
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Page:
    """What the file holds: words as HTML, and figures that are still to be drawn."""

    title: str
    body: str
    figures: Figures


def page(runs: Run | Sequence[Run]) -> Page:
    """Examine the runs and draw everything that is known of them."""
    several = list(runs) if isinstance(runs, Sequence) else [runs]
    shown = [reported(run, f"run-{place}") for place, run in enumerate(several, start=1)]
    figures: Figures = {}
    sections = []
    for each in shown:
        section, drawn = run_section(each, badges(each))
        sections.append(section)
        figures |= drawn
    main = element("main", "", side_by_side(shown), *sections, id="main")
    body = element("div", "sheet", contents(shown), main)
    title = ", ".join(run.name for run in several)
    return Page(title, _top(title) + to_html(body), figures)


def document(page: Page, *, on_paper: bool = False) -> str:
    """The file's text; for a printer its figures lie open, and are drawn at once."""
    library = script(bundle_for(page.figures.values()))
    figures = _harmless(figures_text(page.figures))
    look = _harmless(json.dumps({"config": CONFIG, "swaps": swaps()}))
    return _PAGE.format(
        root=' class="paper" data-scheme="light"' if on_paper else "",
        policy=_POLICY,
        title=f"Fathom: {html.escape(page.title)}",
        style=css_variables() + _texts(_STYLES),
        body=page.body,
        form="plain" if on_paper else "gzip",
        look=look,
        figures=figures if on_paper else packed(figures),
        library=library if on_paper else packed(library),
        script=_texts(_SCRIPTS),
    )


def write_whole(target: Path, content: bytes) -> Path:
    """Beside its place first: a reader never sees half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.writing")
    beside.write_bytes(content)
    beside.replace(target)
    return target


def _top(title: str) -> str:
    button = element("button", "scheme", "◐", type="button", title="Light or dark")
    told = (element("span", "brand", "Fathom"), element("span", "title", title))
    skip = element("a", "skip", "Skip to the report", href="#main")
    return to_html(element("header", "top", skip, *told, button))


def _harmless(told: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return told.replace("<", "\\u003c")


def _texts(names: Sequence[str]) -> str:
    return "".join((_HERE / each).read_text("utf-8") for each in names)


_PAGE = """<!doctype html>
<html lang="en"{root}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body class="report">
<noscript><p class="notice">Pictures are drawn by scripts, which are off here: the words remain.</p>
</noscript>
{body}
<script type="application/json" id="look">{look}</script>
<script type="text/plain" id="figures" data-form="{form}">{figures}</script>
<script type="text/plain" id="library" data-form="{form}">{library}</script>
<script>{script}</script>
</body>
</html>
"""
