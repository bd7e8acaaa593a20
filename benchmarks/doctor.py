"""How well the doctor names diseases, beside its peers, on the zoo's trainings.

    python -m benchmarks.doctor --jobs 2 --runs kept
    python -m benchmarks.doctor --only relu gpt --seeds 0 --alone

Every training is recorded with the Recorder's defaults and examined from its folder alone; with
`--told` the Recorder is given the loss and a batch too. The peers' rules, written anew from their
published thresholds, look at whole tensors of the same trainings. `--online` asks the doctor of
every training after 5, 10, 20, 40, 60, 80 and 100 % of its steps. Thresholds were set on the
practice; what was made since, `--cases new`, is harder, and rules have been mended after it too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.doctor_runs import SHARES, Job, Report, reported
from benchmarks.doctor_table import by_set, compared, in_time, lists, per_disease
from tests.zoo import CASES
from tests.zoo.practice import PRACTICE


def main() -> None:
    arguments = _parser().parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = Path(arguments.runs or tempfile.mkdtemp(prefix="fathom-doctor-"))
    jobs = _jobs(arguments, folder)
    started = time.perf_counter()
    reports = _done(jobs, arguments.jobs)
    print(_head(reports, time.perf_counter() - started, folder))
    for part in (compared, by_set, per_disease, lists):
        print(*part(reports), sep="\n")
    if arguments.online:
        print(*in_time(_online(jobs, arguments.jobs, reports)), sep="\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.doctor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--only", nargs="+", default=[], help="parts of names of cases")
    told = "those that thresholds were set on (default), those made since, or all"
    parser.add_argument(
        "--cases", choices=("practice", "new", "all"), default="practice", help=told
    )
    parser.add_argument("--runs", help="a folder in which recordings are kept from time to time")
    parser.add_argument("--keep", action="store_true", help="take them even if made by older code")
    parser.add_argument("--told", action="store_true", help="give the Recorder loss= and batch=")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--online", action="store_true", help="ask while trainings run, too")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    return parser


def _collection(name: str) -> str:
    return "practice" if name.removesuffix("__ok") in PRACTICE else "new"


def _jobs(arguments: argparse.Namespace, folder: Path) -> list[Job]:
    options = {"told": arguments.told, "keep": arguments.keep, "peers": not arguments.alone}
    return [
        Job(name, seed, folder, **options)
        for name in CASES
        if not arguments.only or any(part in name for part in arguments.only)
        if arguments.cases in ("all", _collection(name))
        for seed in arguments.seeds
    ]


def _done(jobs: list[Job], processes: int) -> list[Report]:
    """The zoo holds functions, which are made anew in fresh processes."""
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(reported, jobs))


def _online(jobs: list[Job], processes: int, whole: list[Report]) -> dict[float, list[Report]]:
    """What is said after a share of the steps: of trainings that stop there."""
    found = {}
    for share in SHARES[:-1]:
        parts = [replace(job, share=share, peers=False) for job in jobs]
        found[share] = _done(parts, processes)
    return found | {1.0: whole}


def _head(reports: list[Report], seconds: float, folder: Path) -> str:
    broken = sorted({line for report in reports for line in report.broken})
    parts = {
        "recorded": _sum(report.recording_s for report in reports),
        "observed for the peers": _sum(report.observing_s for report in reports),
        "examined": _sum(report.examining_s for report in reports),
    }
    times = ", ".join(f"{what} in {total:,.0f} s" for what, total in parts.items())
    lines = [
        f"{len(reports)} trainings of {len({r.case for r in reports})} cases in {folder}",
        f"{times}; {seconds:,.0f} s now",
        *(f"a rule is broken: {line}" for line in broken),
    ]
    return "\n".join(lines)


def _sum(seconds: Iterable[float]) -> float:
    return sum(seconds)


if __name__ == "__main__":
    main()
