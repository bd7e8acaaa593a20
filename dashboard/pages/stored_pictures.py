"""The chapter of what a command computes: pictures of what is stored, a line about what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from dashboard.absent import absent
from dashboard.address import Address
from dashboard.drawn import Drawn
from dashboard.named_numbers import table
from dashboard.open_runs import OpenRuns
from dashboard.overview import complaint, notice
from dashboard.pages.components import component
from dashboard.pages.frame import mirror, tell
from dashboard.pages.pictures import choice, hand_over, marked, section
from dashboard.panel import Panel, StoredPanel
from dashboard.stored import UNFINISHED, base, is_unfinished
from dashboard.wishes import Offered, for_drawing
from diagnostics.run import FathomError, Run


def chapter(panels: Sequence[StoredPanel[Any]]) -> list[Component]:
    """The sections of what is not stored stay hidden."""
    sections = [section(panel, _keys_of(panel), hidden=True) for panel in panels]
    stores = [dcc.Store(id="results"), dcc.Store(id="results-heard")]
    return [mirror("chapter"), *sections, html.Div(id="not-computed"), *stores]


def _keys_of(panel: Panel[Any]) -> Component:
    """Which of several stored results."""
    return html.Details(
        [
            html.Summary(id=f"{panel.name}-several"),
            dcc.RadioItems(id=f"{panel.name}-key", className="stored"),
        ],
        id=f"{panel.name}-keys",
        className="quiet",
        hidden=True,
    )


def watch_results(
    app: Dash, runs: OpenRuns, drawn: Drawn, panels: Sequence[StoredPanel[Any]]
) -> None:
    """At each tick: what is stored of the run shown; and what to say of the rest."""

    @app.callback(
        Output("results", "data"),
        Output("not-computed", "children"),
        Input("chapter-tick", "data"),
        Input("chapter-cursor", "data"),
        State("results", "data"),
        State("page", "data"),
    )
    def watch(_: int | None, cursor: Any, before: Any, page: Any) -> Any:
        if not cursor:
            raise PreventUpdate
        here = [panel for panel in panels if panel.chapter == page]
        try:
            run = runs.kept(cursor["run"])
            stamps = {panel.name: panel.stored.stamp(run) for panel in here}
        except (FathomError, FileNotFoundError):  # it was there a moment ago; the next tick tells
            raise PreventUpdate from None
        now = {"run": cursor["run"], "program": run.has_program, "stamps": stamps}
        if before and before | {"before": None} == now | {"before": None}:
            raise PreventUpdate
        missing = [panel for panel in here if not stamps[panel.name]]
        told = absent(run, missing, Address(page="ask", run=cursor["run"]).link())
        last = before["stamps"] if before and before["run"] == now["run"] else {}
        return now | {"before": last}, component(told) if told else None

    tell(app, "fathomPictures.list(news)", "results.data", "results-heard")
    for panel in panels:
        _stored_picture(app, runs, drawn, panel)
        hand_over(app, panel.name)


def _stored_picture(app: Dash, runs: OpenRuns, drawn: Drawn, panel: StoredPanel[Any]) -> None:
    """The newest result, or the one chosen; anew whenever one was stored."""
    name = panel.name

    @app.callback(
        *_outputs(name),
        Input(f"{name}-wanted", "data"),
        Input(f"{name}-key", "value"),
        State(f"{name}-key", "options"),
    )
    def show(wanted: Any, key: Any, offered: Any) -> Any:
        if not wanted:
            raise PreventUpdate
        keys, before = _keys(wanted["stamps"]), _keys(wanted["before"])
        if not keys:
            return True, no_update, True, None, [], *_no_keys()
        listed_anew = wanted["listed"] and f"{name}-wanted" in ctx.triggered_prop_ids.values()
        chosen = followed(keys, shown_last(before, offered) if listed_anew else keys, key)
        try:
            run = runs.kept(wanted["run"])
            with _none_discarded(run, panel, keys):
                labels = [_label(runs, run, panel, each) for each in keys]
                shown = _shown(panel, runs.stored(run, panel, chosen), Address.read(wanted))
        except PreventUpdate:
            raise
        except Exception as error:  # one broken panel never takes the page down
            broken = component(notice(complaint(error)))
            return False, no_update, True, broken, [], *_choice(keys, keys, chosen)
        picture = drawn.answer(
            [str(run.path), name, chosen, _stamp(wanted, chosen), dict(shown.drawing)],
            wanted.get("have"),
            lambda: marked(shown.draw(), wanted["run"], _picture(chosen, shown)),
        )
        below, buttons = [*_to_go_on(chosen), *shown.below], choice(shown.offered, shown.drawing)
        sent = no_update if picture is None else picture
        return False, sent, False, below, buttons, *_choice(keys, labels, chosen)


def _outputs(name: str) -> list[Output]:
    """All that a picture changes: itself, the words below, the choices above."""
    return [
        Output(name, "hidden"),
        Output(f"{name}-drawn", "data"),
        Output(f"{name}-picture", "hidden"),
        Output(f"{name}-caption", "children"),
        Output(f"{name}-choices", "children"),
        Output(f"{name}-keys", "hidden"),
        Output(f"{name}-several", "children"),
        Output(f"{name}-key", "options"),
        Output(f"{name}-key", "value"),
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
    """How a result is drawn, out of what it offers."""

    draw: Callable[[], Any]
    below: list[Component | str]
    offered: Offered
    drawing: Mapping[str, Any]


def _shown(panel: Panel[Any], result: Any, address: Address) -> _Shown:
    """What was asked where this result has it, else its first."""
    offered = panel.choices(result)
    drawing = for_drawing(panel, address, offered)
    numbers = table(panel.numbers(result))
    below = [html.P(panel.caption(result), className="caption")]
    return _Shown(
        lambda: panel.draw(result, **drawing),
        [*below, *([component(numbers)] if numbers else [])],
        offered,
        drawing,
    )


def _stamp(wanted: Any, key: str) -> str:
    return next((when for each, when in wanted["stamps"] if each == key), "")


def _picture(key: str, shown: _Shown) -> str:
    """What a zoom must not outlive."""
    return " ".join([base(key), *map(str, shown.drawing.values())])


def _no_keys() -> tuple[Any, ...]:
    return True, "", [], None


def _choice(keys: Sequence[str], labels: Sequence[str], chosen: str) -> tuple[Any, ...]:
    """Which of the stored results; one alone is no choice."""
    options = [{"label": told, "value": key} for told, key in zip(labels, keys, strict=True)]
    return len(keys) < 2, f"Stored ({len(keys)})", options, chosen
