"""What the doctor said of a run, as elements of a page."""

from __future__ import annotations

from itertools import groupby
from textwrap import dedent
from typing import TYPE_CHECKING

from dashboard.markup import Element, element
from dashboard.wording import confidence, count, layers, number, steps, words

if TYPE_CHECKING:
    from diagnostics.doctor import Examination
    from diagnostics.finding import Evidence, Finding, Severity

ICONS: dict[Severity, str] = {"error": "✕", "warning": "!", "hint": "i"}


def verdicts(examination: Examination) -> Element:
    """Every finding as a card, then what was looked at and what could not be judged."""
    cards = [card(finding) for finding in examination.findings]
    return element(
        "div",
        "verdicts",
        *(cards or [_healthy(len(examination.passed))]),
        _list("Looked and found nothing", [words(slug) for slug in examination.passed]),
        _list(
            "Could not judge",
            [f"{words(slug)}, because {answer.reason}" for slug, answer in examination.undecided],
        ),
    )


def telling_step(examination: Examination, panel: str) -> int | None:
    """The step at which a panel shows what its worst finding speaks of; None if it has none."""
    concerned = (finding for finding in examination.findings if finding.panel == panel)
    return next((finding.steps[0] for finding in concerned), None)


def card(finding: Finding) -> Element:
    """One finding: what was seen, the numbers beside their thresholds, why, and what to do."""
    return element(
        "article",
        f"verdict {finding.severity}",
        element("header", "", badge(finding.severity), element("h3", "", words(finding.disease))),
        element("p", "symptom", finding.symptom),
        _evidence(finding.evidence),
        element(
            "dl",
            "",
            *_entry("Where", layers(finding.layers)),
            *_entry("When", steps(finding.steps)),
            *_entry("Cause", finding.cause),
            element("dt", "", "Remedy"),
            element("dd", "", *_remedy(finding.remedy)),
            *_entry("Confidence", confidence(finding.confidence)),
        ),
    )


def badge(severity: Severity) -> Element:
    """Icon and word: a severity is never told by colour alone."""
    icon = element("span", "icon", ICONS[severity])
    return element("span", f"badge {severity}", icon, severity)


def _evidence(evidence: tuple[Evidence, ...]) -> Element | None:
    if not evidence:
        return None
    rows = [
        element(
            "tr",
            "",
            element("td", "", words(each.name)),
            element("td", "number", number(each.value)),
            element("td", "limit", f"{each.passes} {number(each.threshold)}"),
        )
        for each in evidence
    ]
    titles = ("Evidence", "Measured", "Threshold")
    head = element("tr", "", *(element("th", "", title) for title in titles))
    return element("table", "", element("thead", "", head), element("tbody", "", *rows))


def _entry(term: str, told: str) -> tuple[Element, ...]:
    return (element("dt", "", term), element("dd", "", told)) if told else ()


def _remedy(text: str) -> list[Element]:
    """Lines set in are code, as in Markdown; the others are words."""
    blocks = groupby(text.strip("\n").splitlines(), key=lambda line: line.startswith("    "))
    return [
        element("pre", "", dedent("\n".join(lines))) if code else element("p", "", " ".join(lines))
        for code, lines in blocks
    ]


def _healthy(looked: int) -> Element:
    if not looked:
        return element("p", "quiet", "No rule could judge this run yet.")
    return element(
        "p",
        "healthy",
        element("span", "icon", "✓"),
        f"No findings. {count(looked, 'rule')} looked.",
    )


def _list(title: str, entries: list[str]) -> Element | None:
    if not entries:
        return None
    items = (element("li", "", entry) for entry in entries)
    summary = element("summary", "", f"{title} ({len(entries)})")
    return element("details", "quiet", summary, element("ul", "", *items))
