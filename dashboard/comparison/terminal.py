"""A comparison of runs for the terminal, and the same for machines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dashboard.comparison.parting_words import details, headline
from dashboard.text import colour, jsonable, plain, wrapped
from dashboard.wording import count, number, words
from diagnostics.alignment import Along
from diagnostics.common_place import CommonPlace, common_places
from diagnostics.comparison import comparison, distinct_names
from diagnostics.doctor import examine
from diagnostics.parting import Parting, parting
from diagnostics.parting_cause import cause
from diagnostics.run import FathomError, Run
from diagnostics.run_settings import Setting, run_settings
from diagnostics.run_values import RunValues, Value, run_values
from diagnostics.verdict_table import VerdictRow, verdict_table

MOST_LAYERS = 12
WIDEST = 36  # letters of a cell


@dataclass(frozen=True)
class Compared:
    """All that is said of several runs."""

    runs: tuple[str, ...]
    settings: tuple[Setting, ...]
    unit: str
    places: tuple[CommonPlace, ...]
    lacking: tuple[str, ...]
    values: RunValues
    partings: tuple[Parting | str, ...]  # the first run against each other; or why it cannot be
    verdicts: tuple[VerdictRow, ...]

    @property
    def differ(self) -> bool:
        """Whether anything recorded of them does."""
        told = [each for each in self.partings if isinstance(each, Parting)]
        return any(not each.is_identical for each in told) or len(told) < len(self.partings)


def compared(runs: Sequence[Run], along: Along) -> Compared:
    """Everything at once."""
    curves = comparison(runs, along)
    return Compared(
        runs=distinct_names(runs),
        settings=run_settings(runs),
        unit=curves.unit,
        places=common_places(curves),
        lacking=curves.lacking,
        values=run_values(runs),
        partings=tuple(_parting(runs[0], other) for other in runs[1:]),
        verdicts=verdict_table([examine(run) for run in runs]),
    )


def _parting(a: Run, b: Run) -> Parting | str:
    try:
        return parting(a, b)
    except FathomError as error:
        return str(error)


def text(found: Compared) -> str:
    """Where they part comes first: whoever asks wants to know."""
    parts = (_partings, _settings, _values, _places, _verdicts)
    return "\n\n".join("\n".join(lines) for lines in (part(found) for part in parts) if lines)


def _partings(found: Compared) -> list[str]:
    lines = []
    for name, each in zip(found.runs[1:], found.partings, strict=True):
        lines += ["", *_heading(f"{name} against {found.runs[0]}")]
        lines += wrapped(each, "  ", "  ") if isinstance(each, str) else _parted(each)
    return lines[1:]


def _parted(found: Parting) -> Iterator[str]:
    for said in (headline(found), *details(found)):
        yield from wrapped(said, "  ", "  ")
    parted = [n for n in range(len(found.layers)) if found.apart[n] >= 0]
    order = sorted(parted, key=lambda n: int(found.apart[n]))
    rows = [(found.layers[n], _step(found.apart[n]), _step(found.far[n])) for n in order]
    if rows:
        head = ("layer", "differs from", f"by more than {found.rtol:g}")
        yield ""
        yield from _table([head, *rows[:MOST_LAYERS]])
    if len(rows) > MOST_LAYERS:
        yield f"  … and {count(len(rows) - MOST_LAYERS, 'layer')} more"


def _step(step: Any) -> str:
    return "never" if step < 0 else f"step {int(step):,}"


def _settings(found: Compared) -> list[str]:
    unlike = [each for each in found.settings if each.differs]
    same = count(len(found.settings) - len(unlike), "setting")
    if not unlike:
        return _heading(f"Settings: none differs of {same} that are known")
    rows = [(f"{e.group}: {e.name}", *(value or "-" for value in e.values)) for e in unlike]
    return [*_heading(f"Settings that differ ({same} are the same)"), *_table(_headed(found, rows))]


def _values(found: Compared) -> list[str]:
    rows = [(row.name, *map(_value, row.values)) for row in found.values.rows]
    return [*_heading("Last values, and the best"), *_table(_headed(found, rows))] if rows else []


def _value(value: Value | None) -> str:
    if value is None:
        return "-"
    best = f" (best {number(value.best)} at {value.best_step:,})" if value.best_step >= 0 else ""
    return f"{number(value.last)}{best}"


def _places(found: Compared) -> list[str]:
    """Fairer than the last values where one run went on for longer."""
    rows = [
        (f"{e.name}, {number(e.place)}", *("-" if math.isnan(v) else number(v) for v in e.values))
        for e in found.places
    ]
    lacking = [line for reason in found.lacking for line in wrapped(reason, "  ", "  ")]
    if not rows and not lacking:
        return []
    heading = _heading(f"At the last place that all reached, by {found.unit}")
    return [*heading, *(_table(_headed(found, rows)) if rows else []), *lacking]


def _verdicts(found: Compared) -> list[str]:
    rows = [(words(row.disease), *row.standings) for row in found.verdicts]
    if not rows:
        return _heading("Verdicts: no findings in any of them")
    return [*_heading("Verdicts"), *_table(_headed(found, rows))]


def _heading(told: str) -> list[str]:
    return [colour(plain(told), "bold")]


def _headed(found: Compared, rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [("", *found.runs), *rows]


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns as wide as their widest cell; what is longer is cut."""
    cells = [[_cut(plain(cell)) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in cells
    )
    return [f"  {line}".rstrip() for line in lines]


def _cut(cell: str) -> str:
    return cell if len(cell) <= WIDEST else cell[: WIDEST - 1] + "…"


def data(found: Compared) -> dict[str, Any]:
    """For machines."""
    told: dict[str, Any] = jsonable(
        {
            "runs": list(found.runs),
            "partings": [_parting_data(each) for each in found.partings],
            "settings": [asdict(each) | {"differs": each.differs} for each in found.settings],
            "values": [asdict(row) for row in found.values.rows],
            "along": found.unit,
            "common": [asdict(each) for each in found.places],
            "lacking": list(found.lacking),
            "verdicts": [asdict(row) | {"differs": row.differs} for row in found.verdicts],
        }
    )
    return told


def _parting_data(found: Parting | str) -> dict[str, Any]:
    """The steps, not the curves."""
    if isinstance(found, str):
        return {"error": found}
    firsts = {"first": found.first, "tensor": found.first_tensor, "far": found.first_far}
    steps = zip(found.layers, found.apart.tolist(), found.far.tolist(), strict=True)
    return {
        "runs": list(found.runs),
        "identical": found.is_identical,
        "rtol": found.rtol,
        **{name: asdict(each) if each else None for name, each in firsts.items()},
        "cause": cause(found),
        "layers": [{"layer": layer, "apart": a, "far": b} for layer, a, b in steps],
        "only": [list(names) for names in found.only],
        "compared": found.compared,
    }
