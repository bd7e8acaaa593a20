"""The chapter of what a command computes: pictures of what is stored, a line about what is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.named_numbers import table
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.pages.pictures import hand_over, marked, section
from dashboard.panel import Panel, StoredPanel
from dashboard.stored import HEADING, UNFINISHED, base, is_unfinished, not_computed
from diagnostics.run import FathomError, Run

CONTROLS = ("view", "scale")  # what a drawing may be asked for besides its first


def chapter(panels: Sequence[StoredPanel[Any]], form: Component, form_of: str) -> list[Component]:
    """One heading; the sections of what is not stored stay hidden."""
    sections = [
        section(panel, *([form] if panel.name == form_of else []), _controls(panel), hidden=True)
        for panel in panels
    ]
    return [
        html.H2(HEADING, className="chapter"),
        *sections,
        html.Div(id="not-computed"),
        dcc.Store(id="results"),
    ]


def _controls(panel: Panel[Any]) -> Component:
    """Which of several stored results, and which drawing of it."""
    radios = [
        dcc.RadioItems(id=f"{panel.name}-{what}", className="segments", inline=True)
        for what in CONTROLS
    ]
    several = html.Details(
        [
            html.Summary(id=f"{panel.name}-several"),
            dcc.RadioItems(id=f"{panel.name}-key", className="stored"),
        ],
        id=f"{panel.name}-keys",
        className="quiet",
        hidden=True,
    )
    return html.Div([html.Div(radios, className="controls"), several], id=f"{panel.name}-controls")


def watch_results(
    app: Dash, runs: OpenRuns, panels: Sequence[StoredPanel[Any]], form_of: str
) -> None:
    """At each tick: what is stored of the run shown; and what to say of the rest."""

    @app.callback(
        Output("results", "data"),
        Output("not-computed", "children"),
        Input("tick", "n_intervals"),
        Input("cursor", "data"),
        State("results", "data"),
    )
    def watch(_: int | None, cursor: Any, before: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        try:
            run = runs.kept(cursor["run"])
            stamps = {panel.name: panel.stored.stamp(run) for panel in panels}
        except (FathomError, FileNotFoundError):  # it was there a moment ago; the next tick tells
            raise PreventUpdate from None
        now = {"run": cursor["run"], "program": run.has_program, "stamps": stamps}
        if before and before | {"before": None} == now | {"before": None}:
            raise PreventUpdate
        told = not_computed(run, [panel for panel in panels if not stamps[panel.name]])
        last = before["stamps"] if before and before["run"] == now["run"] else {}
        return now | {"before": last}, component(told) if told else None

    for panel in panels:
        _stored_picture(app, runs, panel, form=panel.name == form_of)


def _stored_picture(app: Dash, runs: OpenRuns, panel: StoredPanel[Any], *, form: bool) -> None:
    """The newest result, or the one chosen; anew whenever one was stored."""
    name = panel.name

    @app.callback(
        *_outputs(name),
        Input("results", "data"),
        Input("scheme", "data"),
        Input(f"{name}-key", "value"),
        *(Input(f"{name}-{what}", "value") for what in CONTROLS),
        State(f"{name}-key", "options"),
    )
    def show(results: Any, scheme: Any, key: Any, *more: Any) -> Any:
        if not results or not scheme:
            raise PreventUpdate
        keys, before = (_keys(results[when].get(name, [])) for when in ("stamps", "before"))
        if not keys:
            return not (form and results["program"]), no_update, True, None, *_nothing()
        listed_anew = "results" in ctx.triggered_prop_ids.values()
        *wanted, offered = more
        chosen = followed(keys, shown_last(before, offered) if listed_anew else keys, key)
        asked = dict(zip(CONTROLS, wanted, strict=True))
        try:
            run = runs.kept(results["run"])
            with _none_discarded(run, panel, keys):
                labels = [_label(runs, run, panel, each) for each in keys]
                shown = _shown(panel, runs.stored(run, panel, chosen), asked, scheme)
        except PreventUpdate:
            raise
        except Exception as error:  # one broken panel never takes the page down
            broken = component(notice(complaint(error)))
            return False, no_update, True, broken, *_choice(keys, keys, chosen), *_no_radios()
        told = " ".join([base(chosen), *shown.options.values()])
        picture = marked(shown.figure, results["run"], told)
        below = [*_to_go_on(chosen), *shown.below]
        return False, picture, False, below, *_choice(keys, labels, chosen), *_radios(shown)

    hand_over(app, panel)


def _outputs(name: str) -> list[Output]:
    """All that a picture changes: itself, the words below, the choices above."""
    return [
        Output(name, "hidden"),
        Output(f"{name}-drawn", "data"),
        Output(f"{name}-picture", "hidden"),
        Output(f"{name}-caption", "children"),
        Output(f"{name}-keys", "hidden"),
        Output(f"{name}-several", "children"),
        Output(f"{name}-key", "options"),
        Output(f"{name}-key", "value"),
        *(Output(f"{name}-{what}", part) for what in CONTROLS for part in ("options", "value")),
    ]


def _keys(stamps: Sequence[Sequence[str]]) -> list[str]:
    return [key for key, _ in stamps]


def shown_last(listed: Sequence[str], offered: Sequence[Mapping[str, Any]] | None) -> list[str]:
    """What the viewer had to choose from: not every listing lasts until it is shown."""
    return [each["value"] for each in offered or []] if listed else []


def followed(keys: Sequence[str], before: Sequence[str], key: Any) -> str:
    """Which of the stored results to show now, the newest being the first.

    Whoever looks at the newest goes on to what is newer. Another choice holds while that is
    refined, until something else is computed.
    """
    newest = keys[0]
    if key not in before or key == before[0]:
        return newest
    begun = is_unfinished(newest) and newest not in before
    if begun or base(newest) != base(before[0]):
        return newest
    return key if key in keys else newest


@contextmanager
def _none_discarded(run: Run, panel: StoredPanel[Any], keys: Sequence[str]) -> Iterator[None]:
    """Where one was, since it was listed, that is no error: the next listing is without it."""
    try:
        yield
    finally:
        if not set(keys) <= set(panel.stored.keys(run)):
            raise PreventUpdate


def _label(runs: OpenRuns, run: Run, panel: StoredPanel[Any], key: str) -> str:
    try:
        return panel.stored.label(runs.stored(run, panel, key))
    except FathomError:  # whoever chooses it is told why
        return f"{key}: cannot be read"


def _to_go_on(key: str) -> list[Component]:
    return [html.P(UNFINISHED, className="caption")] if is_unfinished(key) else []


@dataclass(frozen=True)
class _Shown:
    """A drawing of a result, and which of those there are it is."""

    figure: Any
    below: list[Component | str]
    known: Mapping[str, tuple[str, ...]]
    options: Mapping[str, str]


def _shown(panel: Panel[Any], result: Any, asked: Mapping[str, Any], scheme: Any) -> _Shown:
    """What was asked where this result has it, else its first."""
    known = panel.choices(result)
    options = {
        what: asked[what] if asked[what] in several else several[0]
        for what, several in known.items()
    }
    figure = panel.draw(result, scheme=scheme, **options)
    numbers = table(panel.numbers(result))
    below = [html.P(panel.caption(result), className="caption")]
    return _Shown(figure, [*below, *([component(numbers)] if numbers else [])], known, options)


def _nothing() -> tuple[Any, ...]:
    """No result, nothing to choose."""
    return True, "", [], None, *_no_radios()


def _no_radios() -> tuple[Any, ...]:
    return ([], None) * len(CONTROLS)


def _choice(keys: Sequence[str], labels: Sequence[str], chosen: str) -> tuple[Any, ...]:
    """Which of the stored results; one alone is no choice."""
    options = [{"label": told, "value": key} for told, key in zip(labels, keys, strict=True)]
    return len(keys) < 2, f"Stored ({len(keys)})", options, chosen


def _radios(shown: _Shown) -> list[Any]:
    """Options and value of each control; one alone is no choice."""
    several = {what: list(some) if len(some) > 1 else [] for what, some in shown.known.items()}
    return [part for what in CONTROLS for part in (several.get(what, []), shown.options.get(what))]
