"""What the dashboards' benchmark prints: the tools beside one another, and then Fathom's own."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dashboard_data import Case
    from dashboard_walk import Answer, Walked

WORDS = {
    "loss": "the loss, later visitors",
    "interactive": "the loss, to be zoomed into",
    "histograms": "histograms, later visitors",
    "runs": "the list of runs, later visitors",
    "loss, from nothing": "the loss, from nothing",
    "runs, from nothing": "the list of runs, from nothing",
    "loss, first visitor": "the loss, first visitor",
    "runs, first visitor": "the list of runs, first visitor",
    "all read": "the server is up and has read all",
}
SLOWEST, SHARES, WIDTH = 5, 2, 60  # steps and callbacks that are named; letters of a name


def compared(
    case: Case,
    seconds: dict[str, dict[str, list[float]]],
    written: dict[str, str],
    repeats: int,
) -> Iterator[str]:
    """Seconds of each tool, and how many times Fathom's they are."""
    tools = list(written)
    yield f"\n({case.name}) {case.told}; medians of {repeats}"
    yield from (f"    {tool}: {told}" for tool, told in written.items())
    yield f"{'seconds':<40}" + "".join(f"{tool:>20}" for tool in tools)
    for what, took in seconds.items():
        medians = {tool: statistics.median(each) for tool, each in took.items()}
        row = (_against(medians[tool], medians["fathom"], tool) for tool in tools)
        yield f"{WORDS[what]:<40}" + "".join(row)


def _against(took: float, fathoms: float, tool: str) -> str:
    if math.isinf(took):
        return f"{'never':>20}"
    ratio = "" if tool == "fathom" or math.isinf(fathoms) else f" {took / fathoms:6.1f}x"
    return f"{took:.2f}{ratio}".rjust(20)


def of_fathom(walked: list[Walked], ticks: dict[str, list[list[Answer]]]) -> Iterator[str]:
    """Callbacks, what the user waits for, and a live run's bytes."""
    answers = [(step.step, answer) for step in walked for answer in step.answers]
    if answers:
        yield _spread("callbacks, server's time", [each.server_ms for _, each in answers])
        slowest = sorted(answers, key=lambda each: -each[1].server_ms)[:SLOWEST]
        yield from (f"    {_callback(step, answer)}" for step, answer in slowest)
        yield _spread("steps of the walk, user's time", [step.user_ms for step in walked])
        waited = sorted(walked, key=lambda each: -each.user_ms)[:SLOWEST]
        yield from (f"    {step.user_ms:7,.0f} ms  {step.step}" for step in waited)
    for page, looks in ticks.items():
        yield from _live(page, looks)


def _spread(what: str, took: list[float]) -> str:
    middle, most = statistics.median(took), max(took)
    return f"{what:<40}{len(took):>5}: median {middle:,.0f} ms, slowest {most:,.0f} ms"


def _callback(step: str, answer: Answer) -> str:
    about = f"{answer.server_ms:7,.0f} ms  {answer.size / 1e3:6,.1f} KB  {step}: "
    return about + _short(answer.output)


def _live(page: str, looks: list[list[Answer]]) -> Iterator[str]:
    what = f"a look at a live run: {page}"
    if not looks:
        yield f"{what:<40}    0 looks"
        return
    sizes = [sum(answer.size for answer in look) / 1e3 for look in looks]
    middle, most = statistics.median(sizes), max(sizes)
    yield f"{what:<40}{len(sizes):>5}: median {middle:,.1f} KB, largest {most:,.1f} KB"
    shares: dict[str, float] = defaultdict(float)
    for answer in (answer for look in looks for answer in look):
        shares[answer.output] += answer.size / 1e3 / len(looks)
    largest = sorted(shares, key=lambda output: -shares[output])[:SHARES]
    yield from (f"    {shares[output]:7,.1f} KB  {_short(output)}" for output in largest)


def _short(output: str) -> str:
    return output if len(output) < WIDTH else f"{output[: WIDTH - 1]}…"
