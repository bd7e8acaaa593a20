"""Tables of what was recorded: all of it is there, as text, and long ones are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.markup import to_html
from dashboard.recorded import MOST, recorded_part, size
from diagnostics.run import Run
from tests.dashboard.samples import HOSTILE


@pytest.fixture
def run(runs: Path) -> Run:
    return Run(runs / "healthy")


def rows(written: str) -> list[list[str]]:
    """The words of each line of each table."""
    return [
        re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", line)
        for line in re.findall("<tr>.*?</tr>", written)
    ]


def test_series_scalars_and_settings_are_told(run: Run) -> None:
    found = rows(to_html(recorded_part(run)))
    steps = run.steps("gradients")
    records = ["Gradients", str(len(steps)), found_tensors(found), f"{steps[0]} to {steps[-1]}"]
    assert records in found
    assert ["host", run.info["host"]] in found
    assert ["torch", run.info["versions"]["torch"]] in found
    assert any(line[:1] == ["lr"] for line in found)
    assert any(line[:1] == ["On disk"] for line in found)


def found_tensors(found: list[list[str]]) -> str:
    (line,) = [line for line in found if line[:1] == ["Gradients"]]
    assert int(line[2]) > 0
    return line[2]


def test_the_users_own_settings_come_first(run: Run) -> None:
    run.info = run.info | {"config": {"lr": 3e-4, "data": {"set": "digits"}}}
    found = rows(to_html(recorded_part(run)))
    assert ["data.set", "digits"] in found
    kind = next(place for place, line in enumerate(found) if line[:1] == ["kind"])
    assert found.index(["data.set", "digits"]) < kind


def test_trainable_parameters_are_counted(run: Run) -> None:
    sizes = [tensor.size for tensor in run.parameters.values()]
    told = ["trainable, of those recorded", f"{sum(sizes):,} of {sum(sizes):,}"]
    assert told in rows(to_html(recorded_part(run)))


def test_names_are_text(run: Run) -> None:
    run.info = run.info | {"config": {HOSTILE: HOSTILE}, "host": HOSTILE}
    assert "<img" not in to_html(recorded_part(run))


def test_many_lines_are_counted(run: Run) -> None:
    run.info = run.info | {"argv": [], "config": {f"c{n}": n for n in range(MOST + 3)}}
    written = to_html(recorded_part(run))
    assert "and 3 more lines" in written
    assert [f"c{MOST - 1}", str(MOST - 1)] in rows(written)


@pytest.mark.parametrize(
    ("many", "told"),
    [
        *((0, "0 bytes"), (999, "999 bytes"), (1234, "1.2 KB"), (398_516, "399 KB")),
        *((4e8, "400 MB"), (2.5e9, "2.5 GB"), (1.5e13, "15,000.0 GB")),
    ],
)
def test_bytes_in_few_digits(many: float, told: str) -> None:
    assert size(many) == told
