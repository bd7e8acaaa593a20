"""What the doctor said of a run, as elements of a page: causes first, each with its evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2s
from typing import TYPE_CHECKING

from dashboard.markup import Element, element
from dashboard.prose import prose
from dashboard.wording import confidence, count, layers, number, steps, words

if TYPE_CHECKING:
    from diagnostics.doctor import Examination
    from diagnostics.finding import Evidence, Finding, Severity

ICONS: dict[Severity, str] = {"error": "✕", "warning": "!", "hint": "i"}
# of each panel: its title, and where it is: a place of this page, or the address of another
Pictures = Mapping[str, tuple[str, str]]
SEVERAL = 2  # causes from which on a list of them comes first


def verdicts(examination: Examination, pictures: Pictures | None = None) -> Element:
    """All causes at a glance; each as a card, the worst one open; hints apart; then the rest."""
    shown = pictures or {}
    causes = _causes(examination)
    first = [_cause(cause, caused, shown) for cause, caused in causes[:1]]
    others = [_folded(cause, caused, shown) for cause, caused in causes[1:]]
    return element(
        "div",
        "verdicts",
        _at_a_glance(causes, shown),
        *(first or [_healthy(examination)]),
        *others,
        _hints(examination.hints, shown),
        _thresholds(examination),
        _list("Looked and found nothing", [words(slug) for slug in examination.passed]),
        _undecided(examination),
    )


def telling_step(examination: Examination, panel: str) -> int | None:
    """The step at which a panel shows what its worst finding speaks of; None if it has none."""
    concerned = (finding for finding in examination.findings if finding.panel == panel)
    return next((finding.steps[0] for finding in concerned), None)


def words_of(examination: Examination) -> str:
    """What tells it from another: the same words are not sent twice, what was unfolded stays so."""
    return blake2s(repr(examination).encode(), digest_size=9).hexdigest()


def severities(examination: Examination) -> list[Element]:
    """In a few signs: how many findings of each severity there are, or that all is well."""
    counts = Counter(finding.severity for finding in examination.findings)
    told = [
        element("span", f"badge {severity}", element("span", "icon", sign), f"{counts[severity]}")
        for severity, sign in ICONS.items()
        if counts[severity]
    ]
    return told or [element("span", "badge good", element("span", "icon", "✓"), "no findings")]


def card(finding: Finding, pictures: Pictures | None = None, *inside: Element) -> Element:
    """One finding: what was seen, the numbers beside their thresholds, why, and what to do."""
    return element(
        "article",
        f"verdict {finding.severity}",
        _head(finding, pictures or {}),
        element("p", "symptom", finding.symptom),
        _evidence(finding.evidence),
        element(
            "dl",
            "",
            *_entry("Where", layers(finding.layers)),
            *_entry("When", steps(finding.steps)),
            *_entry("Cause", finding.cause),
            element("dt", "", "Remedy"),
            element("dd", "", *prose(finding.remedy)),
            *_entry("Brings", ", ".join(words(slug) for slug in finding.consequences)),
            *_entry("Confidence", confidence(finding.confidence)),
        ),
        _picture(finding, pictures or {}),
        _page(finding.disease),
        *inside,
    )


def _causes(examination: Examination) -> list[tuple[Finding, list[Finding]]]:
    """Each cause, and those findings that it explains."""
    found: list[tuple[Finding, list[Finding]]] = []
    for finding in examination.findings:
        if finding.because_of and found:
            found[-1][1].append(finding)
        else:
            found.append((finding, []))
    return found


def _at_a_glance(causes: list[tuple[Finding, list[Finding]]], pictures: Pictures) -> Element | None:
    """Of several causes a line each, before the first card pushes the others out of sight."""
    if len(causes) < SEVERAL:
        return None
    caused = sum(len(brought) for _, brought in causes)
    brought = f", and {count(caused, 'consequence')} of them" if caused else ""
    lines = (_line(cause, pictures) for cause, _ in causes)
    told = element("p", "summary", f"{count(len(causes), 'cause')}{brought}.")
    return element("section", "glance", told, element("ol", "", *lines))


def _line(finding: Finding, pictures: Pictures) -> Element:
    return element(
        "li",
        finding.severity,
        badge(finding.severity),
        element("strong", "", words(finding.disease)),
        element("span", "symptom", finding.symptom),
        _first_seen(finding, pictures),
    )


def _cause(finding: Finding, caused: list[Finding], pictures: Pictures) -> Element:
    if not caused:
        return card(finding, pictures)
    within = [_closed(each, pictures) for each in caused]
    return card(finding, pictures, element("div", "brought", *within))


def _folded(finding: Finding, caused: list[Finding], pictures: Pictures) -> Element:
    """A cause that is not the worst."""
    whole = _cause(finding, caused, pictures)
    kind = f"less folded {finding.severity}"
    return element("details", kind, _summary(finding), whole)


def _closed(finding: Finding, pictures: Pictures) -> Element:
    """A consequence, or a hint: in one line until somebody wants more."""
    return element("details", "less", _summary(finding), card(finding, pictures))


def _summary(finding: Finding) -> Element:
    return element(
        "summary",
        "",
        badge(finding.severity),
        element("strong", "", words(finding.disease)),
        _because(finding),
        element("span", "symptom", finding.symptom),
    )


def _head(finding: Finding, pictures: Pictures) -> Element:
    title = element("h3", "", words(finding.disease))
    seen = _first_seen(finding, pictures)
    return element("header", "", badge(finding.severity), title, _because(finding), seen)


def _because(finding: Finding) -> Element | None:
    if not finding.because_of:
        return None
    return element("span", "because", f"because of: {words(finding.because_of)}")


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


def _first_seen(finding: Finding, pictures: Pictures) -> Element:
    """When it began, and from there a way to its picture."""
    told = f"first seen at step {finding.steps[0]:,}"
    return element("span", "seen", _way(finding, pictures, told) or told)


def _picture(finding: Finding, pictures: Pictures) -> Element | None:
    """A way to the panel that shows it, at its first step."""
    if finding.panel not in pictures:
        return None
    title, _ = pictures[finding.panel]
    told = f"{title} at step {finding.steps[0]:,}"
    return element("p", "to-picture", _way(finding, pictures, told))


def _way(finding: Finding, pictures: Pictures, told: str) -> Element | None:
    if finding.panel not in pictures:
        return None
    title, place = pictures[finding.panel]
    first = finding.steps[0]
    if place.startswith("?"):
        href = place.replace("#", f"&step={first}#", 1)
        return element("a", "", told, href=href, title=title)
    here = {"data-place": place, "data-step": str(first)}
    return element("a", "", told, href=f"#{place}", title=title, **here)


def _page(disease: str) -> Element | None:
    """All that its rule looks at, and what it cannot see."""
    from diagnostics.rules import documentation

    page = documentation().get(disease, "")
    if not page:
        return None
    summary = element("summary", "", f"All about: {words(disease).lower()}")
    return element("details", "quiet page", summary, *prose(page))


def _hints(hints: tuple[Finding, ...], pictures: Pictures) -> Element | None:
    """Apart, and closed: nothing has gone wrong."""
    if not hints:
        return None
    title = f"Unusual, and harmless so far ({len(hints)})"
    cards = (_closed(hint, pictures) for hint in hints)
    return element("section", "hints", element("h3", "", title), *cards)


def _healthy(examination: Examination) -> Element:
    """How many looked, and how many could not: silence is not health."""
    looked, lacking = len(examination.passed), len(examination.undecided)
    if not looked:
        return element("p", "quiet", "No rule could judge this run yet.")
    rest = f" {lacking:,} could not judge; why is told below." if lacking else ""
    told = f"No findings. {count(looked, 'rule')} looked.{rest}"
    return element("p", "healthy", element("span", "icon", "✓"), told)


def _thresholds(examination: Examination) -> Element | None:
    return _list(
        "Your thresholds",
        [
            f"{each.name} of {words(each.rule)} is {each.value:g} (built in: {each.built_in:g})"
            for each in examination.thresholds
        ],
    )


def _undecided(examination: Examination) -> Element | None:
    """Rules that lack the same are told of together."""
    lacking: dict[str, list[str]] = {}
    for slug, answer in examination.undecided:
        lacking.setdefault(answer.reason, []).append(words(slug))
    told = [f"{', '.join(slugs)}, because {reason}" for reason, slugs in lacking.items()]
    found = _list("Could not judge", told, len(examination.undecided))
    is_all_there_is = examination.passed and not examination.findings
    return replace(found, attributes={"open": "open"}) if found and is_all_there_is else found


def _list(title: str, entries: list[str], many: int = 0) -> Element | None:
    if not entries:
        return None
    items = (element("li", "", entry) for entry in entries)
    summary = element("summary", "", f"{title} ({many or len(entries)})")
    return element("details", "quiet", summary, element("ul", "", *items))
