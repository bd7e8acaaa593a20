"""What was recorded, at what cost, of what training on which machine: tables below the verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dashboard.markup import Element, element
from dashboard.wording import count, words

if TYPE_CHECKING:
    from diagnostics.recorded import Recorded, Room
    from diagnostics.run import Run
    from diagnostics.run_settings import Group

MOST = 60  # lines of a table; those beyond are counted
Pairs = list[tuple[str, str]]
SETTINGS: dict[Group, str] = {
    "arguments": "What was chosen",
    "optimizer": "Optimizer",
    "model": "Model",
    "data": "Data",
    "layers": "Layers",
}
AROUND: dict[Group, str] = {
    "machine": "Machine",
    "versions": "Versions",
    "code": "Code",
    "recording": "Recorder",
}


def recorded_part(run: Run) -> Element:
    """Beside one another: how the run was set, what there is of it, what that costs, and where."""
    from diagnostics.recorded import recorded

    found, known = recorded(run), _settings(run)
    return element(
        "div",
        "recorded",
        _block("Settings", *_groups(known, SETTINGS)),
        _block("What was recorded", _series(found), _scalars(found), _others(found)),
        _block("What it costs", *_cost(run, found)),
        _block("Where and with what", *_groups(known, AROUND)),
    )


def _block(title: str, *inside: Element | None) -> Element:
    return element("section", "block", element("h3", "", title), *inside)


def _settings(run: Run) -> dict[Group, Pairs]:
    """As a comparison of runs tells them, and what only one alone has."""
    from diagnostics.run_settings import run_settings

    known: dict[Group, Pairs] = {group: [] for group in (*SETTINGS, *AROUND)}
    for each in run_settings([run]):
        if each.values[0]:
            known[each.group].append((each.name, each.values[0]))
    known["model"] += _parameters(run)
    known["data"] += _loss(run)
    return known


def _groups(known: dict[Group, Pairs], titles: dict[Group, str]) -> list[Element]:
    return [_group(group, title, known[group]) for group, title in titles.items() if known[group]]


def _group(group: Group, title: str, rows: Pairs) -> Element:
    """Of hundreds of layers only a fold is seen."""
    table = _pairs(rows)
    if group != "layers":
        return element("div", "group", element("h4", "", title), table)
    summary = element("summary", "", f"{title} ({len(rows)})")
    return element("details", "quiet group", summary, table)


def _parameters(run: Run) -> Pairs:
    """How many of those recorded are trained: what is frozen costs no gradient."""
    own = run.parameters.values()
    sizes = [tensor.size for tensor in own]
    trained = sum(tensor.size for tensor in own if tensor.trainable)
    return [("trainable, of those recorded", f"{trained:,} of {sum(sizes):,}")] if sizes else []


def _loss(run: Run) -> Pairs:
    """Its class, and what of its settings says something."""
    from diagnostics.signs.settings import facts

    told = [state for _, state in facts(run, "loss")]
    if not told or not isinstance(told[-1], dict):
        return []
    settings = told[-1].get("settings")
    said = _said(settings) if isinstance(settings, dict) else ""
    return [("loss", f"{told[-1].get('kind', '')}{f' ({said})' if said else ''}")]


def _said(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _series(found: Recorded) -> Element | None:
    rows = [
        (words(s.name), f"{s.records:,}", f"{s.tensors:,}", f"{s.first:,} to {s.last:,}")
        for s in found.series
    ]
    return _table(("Series", "Records", "Tensors", "Steps"), rows)


def _scalars(found: Recorded) -> Element | None:
    rows = [(s.name, f"{s.values:,}", "", f"{s.first:,} to {s.last:,}") for s in found.scalars]
    return _table(("Logged", "Values", "", "Steps"), rows)


def _others(found: Recorded) -> Element:
    """What has no steps of its own to be told."""
    rows = [
        ("Snapshots of the weights", f"{found.snapshots:,}"),
        ("Arrays", _counted(name.partition("/")[0] for name in found.arrays)),
        ("Events", _counted(kind for kind, many in found.events for _ in range(many))),
    ]
    return _pairs([row for row in rows if row[1]])


def _counted(names: Iterable[str]) -> str:
    """Each once, and how often it came."""
    told = Counter(names).most_common(MOST)
    return ", ".join(f"{name} ({many:,})" if many > 1 else name for name, many in told)


def _cost(run: Run, found: Recorded) -> list[Element | None]:
    share = "not measured" if run.overhead is None else f"{run.overhead:.1%}"
    told = [
        ("Share of training time", share),
        ("Rows that could not be written", f"{run.dropped:,}" if run.dropped else "none"),
        ("On disk", size(found.size)),
    ]
    return [_pairs(told), _rooms(found.rooms)]


def _rooms(rooms: Iterable[Room]) -> Element | None:
    rows = [(room.part.capitalize(), f"{room.files:,}", size(room.size)) for room in rooms]
    return _table(("Part", "Files", "Size"), rows)


def _pairs(rows: Sequence[tuple[str, str]]) -> Element:
    lines = [
        element("tr", "", element("th", "", name, scope="row"), element("td", "", told))
        for name, told in rows[:MOST]
    ]
    table = element("table", "pairs", element("tbody", "", *lines))
    return element("div", "wide", table, _more(rows))


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Element | None:
    """Numbers to the right; what is too long is counted."""
    if not rows:
        return None
    head = element("tr", "", *map(_heading, titles))
    lines = [element("tr", "", *(element("td", "", told) for told in row)) for row in rows[:MOST]]
    table = element("table", "", element("thead", "", head), element("tbody", "", *lines))
    return element("div", "wide", table, _more(rows))


def _heading(title: str) -> Element:
    return element("th", "", title, scope="col") if title else element("td")


def _more(rows: Sequence[object]) -> Element | None:
    left = len(rows) - MOST
    return element("p", "quiet", f"and {count(left, 'more line')}") if left > 0 else None


def size(many: float) -> str:
    """Bytes, in the unit that leaves few digits."""
    for unit in ("bytes", "KB", "MB"):
        if many < 1000:
            return f"{many:.0f} {unit}" if unit == "bytes" or many >= 100 else f"{many:.1f} {unit}"
        many /= 1000
    return f"{many:,.1f} GB"
