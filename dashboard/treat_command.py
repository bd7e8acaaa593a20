"""`fathom treat`: tries remedies on short copies of a training, and says which one helps."""

from __future__ import annotations

import argparse
import inspect
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.analyse.options import Add, at_least
from dashboard.analyse.progress import progress
from dashboard.text import plain
from dashboard.wording import words
from diagnostics.run import FathomError

if TYPE_CHECKING:
    from diagnostics.finding import Finding
    from diagnostics.treatment.treatment import Attempt, Treatment

MARKS = {"accepted": "✓", "rejected": "✗", "undecided": "?"}


def add_treat(add: Add) -> None:
    told = "try remedies on short copies of the training; exit code 1 when none helps"
    treat = add("treat", told, "fathom treat runs/digits --subject training:make")
    treat.add_argument("run", nargs="?", type=Path, help="what its findings are of; kept there")
    treat.add_argument(
        "--subject",
        default="",
        metavar="MODULE:FUNCTION",
        help="a function, of a seed or of nothing, that makes a Training (default: the recorded "
        "batch alone)",
    )
    treat.add_argument(
        "--disease",
        action="append",
        default=[],
        metavar="SLUG",
        help="what to treat, again for more (default: what the doctor finds in the run)",
    )
    treat.add_argument(
        "--seconds", type=at_least(1.0), default=120.0, help="for all of it (default: 120)"
    )
    treat.add_argument(
        "--steps", type=at_least(0), default=0, help="of a trial (default: 30 %% of the run)"
    )
    treat.add_argument(
        "--seeds", type=at_least(1), default=2, help="trials of each remedy (default: 2)"
    )
    treat.set_defaults(command=_treat)


def _treat(asked: argparse.Namespace) -> int:
    from diagnostics.store import check_writable, save
    from diagnostics.treatment.treat import treat

    given, findings = _given(asked), _findings(asked)
    if asked.run:
        check_writable(asked.run)
    how: dict[str, Any] = {"seconds": asked.seconds, "steps": asked.steps}
    with progress("steps") as told:
        found = treat(given, findings, seeds=range(asked.seeds), progress=told, **how)
    if asked.run:
        save(asked.run, found)
    print("\n".join(told_of(found)))
    return 0 if found.winner else 1


def _given(asked: argparse.Namespace) -> Any:
    if asked.subject:
        return _factory(asked.subject)
    if asked.run is None:
        raise FathomError(
            "nothing to treat; name a function that makes a Training, --subject module:function, "
            "or a recorded run."
        )
    from diagnostics.run import Run

    return Run(asked.run).subject(None)


def _factory(place: str) -> Any:
    """The function itself where it takes a seed; else what it makes."""
    from diagnostics.factory import made_by

    made = None
    try:
        made = made_by(place)
    except TypeError:
        if not _takes_seed(place):
            raise
    return _function(place) if _takes_seed(place) else made


def _takes_seed(place: str) -> bool:
    return bool(inspect.signature(_function(place)).parameters)


def _function(place: str) -> Callable[..., Any]:
    """Of a module that is loaded already."""
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(sys.modules[module], name)
    return function


def _findings(asked: argparse.Namespace) -> Sequence[Finding | str]:
    """Those asked for, or the doctor's; none where there is no run: then all is tried."""
    if asked.disease or asked.run is None:
        return tuple(asked.disease)
    from diagnostics.doctor import examine
    from diagnostics.run import Run
    from diagnostics.treatment.treat import treatable

    found, known = examine(Run(asked.run)).findings, treatable()
    sick = [finding for finding in found if finding.disease in known]
    if not sick:
        there = ", ".join(finding.disease for finding in found) or "none"
        raise FathomError(
            f"the doctor finds nothing in '{asked.run}' that a remedy could be tried for (findings:"
            f" {there}); name a disease: --disease lr_too_high."
        )
    return sick


def told_of(found: Treatment) -> Iterator[str]:
    """The winner and its code, then every remedy."""
    share = f", {found.steps / found.run_steps:.0%} of the run" if found.run_steps else ""
    ailing = ", ".join(words(slug) for slug in found.diseases) or "nothing in particular"
    yield f"Against {ailing}: trials of {found.steps} steps{share}, seeds {_listed(found.seeds)}"
    if not found.winner:
        yield "No remedy helped."
    for attempt in found.prescription:
        yield f"\n✓ {plain(attempt.change)}\n"
        yield "\n".join(f"    {line}" for line in attempt.code.splitlines())
    yield ""
    yield from map(_line, found.attempts)
    if found.then:
        yield "  and on top of the first:"
    yield from map(_line, found.then)
    if math.isfinite(found.null):
        yield f"  Another seed alone: a training loss {math.exp(found.null):.2g} times another's"


def _listed(seeds: Sequence[int]) -> str:
    return " ".join(map(str, seeds))


def _line(attempt: Attempt) -> str:
    head = f"  {MARKS[attempt.verdict]} {attempt.verdict:<10}{plain(attempt.change)}"
    if not attempt.trials:
        return f"{head}: {plain(attempt.reason)}"
    training = _change(attempt.effect, attempt.error)
    held_out = _change(attempt.validation, attempt.validation_error)
    seen = f", held-out loss {held_out}" if math.isfinite(attempt.validation) else ""
    return f"{head}\n      training loss {training}{seen}; {plain(attempt.reason)}"


def _change(effect: float, error: float) -> str:
    """A log ratio as a factor, such as 0.25 times the untreated (0.2 to 0.31)."""
    if math.isnan(effect):
        return "not known"
    around = ""
    if math.isfinite(error) and error:
        low, high = (math.exp(effect + sign * 2 * error) for sign in (-1, 1))
        around = f" ({low:.2g} to {high:.2g})"
    return f"{math.exp(effect):.2g} times the untreated{around}"
