"""What the doctor's benchmark prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from statistics import median

from benchmarks.doctor_runs import FATHOM, Report
from tests.zoo import CASES
from tests.zoo.practice import PRACTICE
from tests.zoo.scoring import Key, Score, Share, score

ROWS = {
    "full diagnosis": "full",
    "first finding right": "first",
    "detected": "detected",
    "paired": "paired",
    "false alarms": "alarmed",
    "… of independent runs": "alarmed_alone",
}


def _scores(reports: list[Report]) -> dict[str, Score]:
    lengths = {(r.case, r.seed): r.steps for r in reports}
    names = list(reports[0].said)
    return {
        name: score({(r.case, r.seed): r.said[name] for r in reports}, lengths) for name in names
    }


def compared(reports: list[Report]) -> Iterator[str]:
    """Rule sets side by side, each share with its interval of 95 %."""
    scores = _scores(reports)
    sick = sum(not CASES[r.case].healthy for r in reports)
    yield f"\n{sick} sick runs, {len(reports) - sick} healthy ones"
    yield _row("", list(scores))
    for label, field in ROWS.items():
        yield _row(label, [_percent(getattr(s, field)) for s in scores.values()])
    yield _row("… but the loudest", [_percent(_calmer(reports, name)) for name in scores])
    yield _row("macro recall", [f"{100 * s.macro_recall:.0f} %" for s in scores.values()])
    yield _row("macro precision", [f"{100 * s.macro_precision:.0f} %" for s in scores.values()])
    yield _row(
        "wrong / healthy run", [f"{_wrong(s.alarms, s.alarmed):.2f}" for s in scores.values()]
    )
    yield _row("wrong / sick run", [f"{_wrong(s.strays, s.full):.2f}" for s in scores.values()])
    delays = [f"{s.delay_steps:.0f} steps, {100 * s.delay_share:.0f} %" for s in scores.values()]
    yield _row("median delay", delays)


def _calmer(reports: list[Report], name: str) -> Share:
    """False alarms if the disease that is named wrongly most often were never named."""
    alarms = _scores(reports)[name].alarms.values()
    cries = Counter(disease for said in alarms for disease in said).most_common(1)
    loudest = {disease for disease, _ in cries}
    kept = {
        (r.case, r.seed): [said for said in r.said[name] if said.disease not in loudest]
        for r in reports
    }
    return score(kept, {(r.case, r.seed): r.steps for r in reports}).alarmed


def _wrong(findings: dict[Key, tuple[str, ...]], of: Share) -> float:
    return sum(map(len, findings.values())) / max(1, of.runs)


def _row(label: str, cells: list[str]) -> str:
    return f"{label:24}" + "".join(f"{cell:>22}" for cell in cells)


def _percent(share: Share) -> str:
    low, high = 100 * share.low, 100 * share.high
    return f"{100 * share.value:.1f} % [{low:.0f}, {high:.0f}]"


def by_set(reports: list[Report]) -> Iterator[str]:
    """What thresholds were set on, and what they had never seen: the honest figures."""
    sets: dict[str, list[Report]] = {"": [], "practice": [], "new": []}
    for report in reports:
        known = report.case.removesuffix("__ok") in PRACTICE
        sets["practice" if known else "new"].append(report)
    if not (sets["practice"] and sets["new"]):
        return
    yield "\n" + _row(FATHOM, ["full diagnosis", "paired", "false alarms", "sick, healthy runs"])
    for name, part in sets.items():
        found = _scores(part or reports)[FATHOM]
        shares = [_percent(share) for share in (found.full, found.paired, found.alarmed)]
        yield _row(name or "all", [*shares, f"{found.full.runs}, {found.alarmed.runs}"])


def per_disease(reports: list[Report]) -> Iterator[str]:
    """Recall of every rule set, and how often the doctor is right when it names it."""
    scores = _scores(reports)
    yield "\n" + _row("recall by disease (runs)", [*scores, f"precision of {FATHOM}"])
    for name in sorted({d for s in scores.values() for d, v in s.diseases.items() if v.runs}):
        cells = [s.diseases[name] for s in scores.values()]
        recalls = [f"{100 * cell.recall:.0f} %" for cell in cells]
        ours = cells[0]
        precise = f"{100 * ours.precision:.0f} % of {ours.named}" if ours.named else "-"
        yield _row(f"{name} ({ours.runs})", [*recalls, precise])


def lists(reports: list[Report]) -> Iterator[str]:
    """Where the doctor is wrong, case by case; and of what the peers cry wolf."""
    scores = _scores(reports)
    found = scores.pop(FATHOM)
    yield from _listed("missed", found.misses)
    yield from _listed("false alarms in healthy runs", found.alarms)
    yield from _listed("wrong in sick runs", found.strays)
    yield from _listed("named before what it has", _before(reports))
    for name, theirs in scores.items():
        cries = Counter(disease for said in theirs.alarms.values() for disease in said)
        yield f"\n{name}: false alarms in {theirs.alarmed.runs} healthy runs"
        yield "    " + ", ".join(f"{disease} {count}" for disease, count in cries.most_common())


def _before(reports: list[Report]) -> dict[Key, tuple[str, ...]]:
    """What is named first in runs whose disease is named further down."""
    firsts = {}
    for report in reports:
        names, ill = [s.disease for s in report.said[FATHOM]], CASES[report.case].diseases
        right = [at for at, name in enumerate(names) if name in ill]
        if right and right[0] > 0:
            firsts[report.case, report.seed] = tuple(names[: right[0]])
    return firsts


def _listed(title: str, found: dict[Key, tuple[str, ...]]) -> Iterator[str]:
    if not found:
        return
    yield f"\n{title} ({len(found)})"
    for case, keys in groupby(sorted(found), key=lambda key: key[0]):
        said = "; ".join(f"{seed}: {', '.join(found[case, seed])}" for _, seed in keys)
        yield f"    {case:34} {said}"


def in_time(asked: dict[float, list[Report]]) -> Iterator[str]:
    """What the doctor says of trainings that are still running."""
    yield "\nasked after this share of the steps"
    yield _row("", ["full diagnosis", "detected", "false alarms"])
    for share, reports in asked.items():
        found = _scores(reports)[FATHOM]
        cells = [_percent(part) for part in (found.full, found.detected, found.alarmed)]
        yield _row(f"{100 * share:.0f} %", cells)
    first = sorted(_first_full(asked))
    if first:
        yield f"half of the diagnoses that stand at the end are whole after {median(first):.0%}"


def _first_full(asked: dict[float, list[Report]]) -> Iterator[float]:
    missed = {share: _scores(reports)[FATHOM].misses for share, reports in asked.items()}
    for report in asked[1.0]:
        key = report.case, report.seed
        if not CASES[report.case].healthy and key not in missed[1.0]:
            yield min(share for share, keys in missed.items() if key not in keys)
