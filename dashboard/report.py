"""One self-contained HTML file about one or several runs: opens anywhere, needs no network."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.markup import Element, element, to_html
from dashboard.overview import complaint, facts, notice, notices, state_badge
from dashboard.panel import Panel, recorded_panels
from dashboard.report_panels import panel_section, stored_chapter
from dashboard.theme import CONFIG, css_variables, swaps
from dashboard.verdicts import telling_step, verdicts

if TYPE_CHECKING:
    from diagnostics.doctor import Examination
    from diagnostics.run import Run

_HERE = Path(__file__).parent
_SCRIPTS = ("assets/page.js", "report.js", "assets/player.js")
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'"
)


def report(runs: Run | Sequence[Run], path: str | os.PathLike[str]) -> Path:
    """Write the report and return where it is."""
    several = list(runs) if isinstance(runs, Sequence) else [runs]
    figures: dict[str, Any] = {}
    sections = [_run(f"run-{place}", run, figures) for place, run in enumerate(several, start=1)]
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.writing")  # a reader never sees half a report
    beside.write_text(_document(several, sections, figures), encoding="utf-8")
    beside.replace(target)
    return target


def _run(anchor: str, run: Run, figures: dict[str, Any]) -> Element:
    told = _examined(run)
    shown = recorded_panels()
    pictures = {panel.name: (panel.title, f"{anchor}-{panel.name}") for panel in shown}
    recorded = []
    for panel in shown:
        section, drawn = panel_section(anchor, panel, run, _options(panel, told))
        recorded.append(section)
        figures |= drawn
    computed, drawn = stored_chapter(anchor, run)
    figures |= drawn
    return element(
        "section",
        "run",
        element("header", "run-title", element("h2", "", run.name), state_badge(run.state)),
        facts(run),
        notices(run),
        element("h2", "chapter", "Verdicts"),
        notice(complaint(told)) if isinstance(told, Exception) else verdicts(told, pictures),
        *recorded,
        *computed,
        id=anchor,
    )


def _examined(run: Run) -> Examination | Exception:
    from diagnostics.doctor import examine

    try:
        return examine(run)
    except Exception as error:  # one broken part never takes the page down
        return error


def _options(panel: Panel[Any], told: Examination | Exception) -> dict[str, Any]:
    """A picture opens at the step its verdict speaks of."""
    if isinstance(told, Exception) or not panel.takes("step"):
        return {}
    return {"step": telling_step(told, panel.name)}


def _contents(runs: Sequence[Run]) -> Element | None:
    if len(runs) < 2:
        return None
    links = [
        element("li", "", element("a", "", run.name, href=f"#run-{place}"), state_badge(run.state))
        for place, run in enumerate(runs, start=1)
    ]
    return element("nav", "contents", element("ol", "", *links))


def _document(runs: Sequence[Run], sections: list[Element], figures: dict[str, Any]) -> str:
    from plotly.offline import get_plotlyjs

    title = ", ".join(run.name for run in runs)
    top = element(
        "header",
        "top",
        element("span", "brand", "Fathom"),
        element("span", "title", title),
        element("button", "scheme", "◐", id="scheme", type="button", title="Light or dark"),
    )
    data = {"figures": figures, "config": CONFIG, "swaps": swaps()}
    return _PAGE.format(
        policy=_POLICY,
        title=f"Fathom: {html.escape(title)}",
        style=css_variables() + (_HERE / "assets" / "fathom.css").read_text("utf-8"),
        top=to_html(top),
        main=to_html(element("main", "", _contents(runs), *sections)),
        data=_embedded(data),
        plotly=get_plotlyjs(),
        script="".join((_HERE / each).read_text("utf-8") for each in _SCRIPTS),
    )


def _embedded(data: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in."""
    from plotly.utils import PlotlyJSONEncoder

    return json.dumps(data, cls=PlotlyJSONEncoder).replace("<", "\\u003c")


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body class="report">
{top}
{main}
<script type="application/json" id="data">{data}</script>
<script>{plotly}</script>
<script>{script}</script>
</body>
</html>
"""
