"""What a notebook shows of a run, a result, an examination or a finding: HTML, and no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from shlex import quote
from typing import TYPE_CHECKING, Any

from dashboard.markup import Element, element, to_html
from dashboard.named_numbers import table
from dashboard.notebook_styles import styled
from dashboard.overview import complaint, known, notice, notices, state_badge
from dashboard.verdicts import badge, card, verdicts
from dashboard.wording import count, words

if TYPE_CHECKING:
    from dashboard.panel import Panel
    from diagnostics.doctor import Examination
    from diagnostics.run import Run

MOST = 80  # letters of a value that is shown as text


def html(value: object) -> str:
    """Never an error: what could not be shown is said in its place."""
    try:
        return _whole(*_parts(value))
    except Exception as error:
        return _whole(element("strong", "", type(value).__name__), notice(complaint(error)))


def _whole(*parts: Element | str | None) -> str:
    """Elements are given their styles; a picture is HTML already."""
    start, end = to_html(styled(element("div", "shown", "\0"))).split("\0")
    written = [each if isinstance(each, str) else to_html(styled(each)) for each in parts if each]
    return start + "".join(written) + end


def _parts(value: Any) -> Iterator[Element | str | None]:
    from diagnostics.doctor import Examination
    from diagnostics.finding import Finding
    from diagnostics.run import Run

    if isinstance(value, Run):
        return _run(value)
    if isinstance(value, Examination):
        return iter((_title("Examination", value.run), verdicts(value)))
    if isinstance(value, Finding):
        return iter((card(value),))
    panel = _panel_of(value)
    return _result(value, panel) if panel else _fields(value)


def _title(what: str, run: str = "") -> Element:
    quiet = element("span", "because", f"of {run}") if run else None
    return element("header", "", element("h2", "", what), quiet)


def _run(run: Run) -> Iterator[Element | str | None]:
    """State, steps, model, last values, the verdict in a line, and what can be done next."""
    yield element("header", "", element("h2", "", run.name), state_badge(run.state))
    entries = [
        each
        for term, told in known(run).items()
        for each in (element("dt", "", term), element("dd", "", told))
    ]
    series = element("dd", "", ", ".join(run.series) or "nothing yet")
    yield element("dl", "", *entries, element("dt", "", "Series"), series)
    yield notices(run)
    yield _verdict(run)
    yield element("pre", "", _next(run))


def _verdict(run: Run) -> Element:
    from diagnostics.doctor import examine

    told = examine(run)
    if not told.findings:
        return element("p", "healthy", *_nothing_found(told))
    lines = [
        element(
            *("li", "", badge(finding.severity), " "),
            element("strong", "", words(finding.disease)),
            f": {finding.symptom}",
        )
        for finding in told.findings
        if not finding.because_of
    ]
    return element("ul", "told", *lines)


def _nothing_found(told: Examination) -> tuple[Element | str, ...]:
    looked = len(told.passed)
    if not looked:
        return ("No rule could judge this run yet.",)
    return element("span", "icon", "✓"), f" No findings. {count(looked, 'rule')} looked."


def _next(run: Run) -> str:
    """As code that can be copied: this object is `run`."""
    lines = {
        "from diagnostics import examine; examine(run)": "evidence, causes, remedies",
        "from diagnostics.gradient_flow import gradient_flow; gradient_flow(run)": "one picture",
        'from dashboard import report; report(run, "report.html")': "all pictures in one file",
        f"!fathom serve {quote(str(run.path.absolute().parent))}": "the live web app",
    }
    return "\n".join(f"{code}  # {told}" for code, told in lines.items())


def _panel_of(value: object) -> Panel[Any] | None:
    """The panel of its analysis, if it is that one's result."""
    from dashboard.panel import panels

    stem = type(value).__module__.rpartition(".")[2]
    return next((panel for panel in panels() if panel.name == stem), None)


def _result(value: Any, panel: Panel[Any]) -> Iterator[Element | str | None]:
    """The question, the picture that answers it, what it shows in words, and the numbers."""
    from dashboard.notebook_picture import picture

    drawn = panel.draw(value)
    yield _title(panel.title, str(getattr(value, "run", "")))
    yield element("p", "question", panel.question)
    yield picture(drawn)
    yield element("p", "caption", panel.caption(value))
    yield table(panel.numbers(value))


def _fields(value: Any) -> Iterator[Element | str | None]:
    """What has no picture of its own: its fields."""
    yield _title(type(value).__name__)
    names = [field.name for field in fields(value)] if is_dataclass(value) else []
    told = [(element("dt", "", n), element("dd", "", _text(getattr(value, n)))) for n in names]
    yield element("dl", "", *(each for entry in told for each in entry))


def _text(value: Any) -> str:
    if hasattr(value, "shape") and getattr(value, "size", 0) > 1:
        return f"array of {'x'.join(map(str, value.shape))}, {value.dtype}"
    text = repr(value)
    return text if len(text) <= MOST else f"{text[:MOST]}…"
