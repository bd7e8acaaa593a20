"""What is known of a run before any picture, as elements of a page: state, facts, notices."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from dashboard.markup import Element, element
from dashboard.verdicts import ICONS
from dashboard.wording import ago, count, duration, number, words

if TYPE_CHECKING:
    from diagnostics.listing import Listing
    from diagnostics.run import Run

STATES = {
    "running": "live",
    "stale": "stale",
    "finished": "finished",
    "failed": "failed",
    "killed": "killed",
}
_ENDINGS = {
    "failed": "Training ended in an exception.",
    "killed": "The training process ended without a word: killed, or out of memory.",
    "stale": "Its process lives, but nothing new has come for longer than ever before: it may hang "
    "(a deadlock, a data loader that waits), or be paused. What is below is what it had reached.",
}


def state_badge(state: str, since: float | None = None) -> Element:
    """The state in a word; for a live run also how long ago its last step was."""
    told = STATES.get(state, state)
    if since is not None:
        told += f" · last step {ago(since)}"
    return element("span", f"state {state}", element("span", "dot"), told)


def facts(run: Run) -> Element:
    """Steps, model, last values, versions: as far as the recording knows them."""
    entries = [
        element("div", "", element("dt", "", term), element("dd", "", told))
        for term, told in known(run).items()
    ]
    return element("dl", "facts", *entries)


def notices(run: Run) -> Element | None:
    """What a reader must know before believing the pictures."""
    told = warnings(run)
    return element("div", "notices", *(notice(text) for text in told)) if told else None


def warnings(run: Run) -> list[str]:
    """How the run ended if not well, and what of it is missing."""
    from dashboard.run_row import state_now

    state = state_now(run) if run.state == "running" else run.state
    told = [_ENDINGS[state]] if state in _ENDINGS else []
    told += [f"Step {e.step:,}: {e.text}" for e in run.events if e.kind == "exception"]
    if run.dropped:
        told.append(
            f"{count(run.dropped, 'row')} could not be written (disk or queue full): "
            "what is shown has gaps."
        )
    if run.passed_over:
        told.append(f"Passed over, not readable: {', '.join(run.passed_over)}")
    return told


def notice(text: str) -> Element:
    """One sentence that must not be missed."""
    return element("p", "notice", element("span", "icon", "!"), text)


def meanwhile(run: Run, listing: Listing | None) -> Element:
    """While the rules still look: what is already known, if anything is."""
    many = count(run.records, "recorded step")
    waiting = element("p", "quiet", f"Examining {many}…")
    if listing is None or not (listing.verdicts or listing.looked):
        return waiting
    named = ", ".join(f"{ICONS[each.severity]} {words(each.disease)}" for each in listing.verdicts)
    known = element("p", "notice", f"When last examined: {named or 'no findings'}.")
    return element("div", "", waiting, known)


def complaint(error: Exception) -> str:
    """An error as a sentence: ours speak for themselves, any other is named."""
    from diagnostics.run import FathomError

    if isinstance(error, FathomError):
        return str(error)
    return f"This part broke: {type(error).__name__}: {error}"


def known(run: Run) -> dict[str, str]:
    """Terms and what is known of them; what is not known is left out."""
    facts = {
        "Steps": f"{run.last_step:,}",
        "Recorded": count(run.records, "step"),
        "Model": _model(run.info.get("model") or {}),
        **_last_values(run),
        "Started": moment(run.info.get("started", "")),
        "Took": _took(run),
        "Cost of recording": "" if run.overhead is None else f"{run.overhead:.1%} of training time",
        "Versions": ", ".join(f"{what} {which}" for what, which in _versions(run).items()),
        "Commit": _commit(run.info.get("git") or {}),
        "Host": str(run.info.get("host") or ""),
    }
    return {term: told for term, told in facts.items() if told}


def _versions(run: Run) -> dict[str, Any]:
    return dict(run.info.get("versions") or {})


def _model(model: dict[str, Any]) -> str:
    if not model.get("class"):
        return ""
    many = model.get("parameters")
    return str(model["class"]) + (f" · {many:,} parameters" if isinstance(many, int) else "")


def _last_values(run: Run, most: int = 4) -> dict[str, str]:
    last = {}
    for name in run.logged[:most]:
        values = run.scalar(name).values
        last[f"Last {name}"] = number(float(values[-1])) if len(values) else ""
    return last


def _took(run: Run) -> str:
    """From its start to its last news, and how fast its steps were."""
    from dashboard.run_row import seconds

    passed = float(run.summary.get("updated") or 0.0) - seconds(run.info.get("started"))
    if passed <= 0 or not seconds(run.info.get("started")):
        return ""
    return f"{duration(passed)} · {number(run.last_step / passed)} steps/s"


def _commit(git: dict[str, Any]) -> str:
    return str(git.get("commit") or "")[:10]


def moment(started: str) -> str:
    """An ISO time as people write it; what cannot be read is shown as it is."""
    try:
        return datetime.fromisoformat(started).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return started
