"""The `fathom` command: parses, loads what the command needs, delegates."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dashboard.report_command import add_report
from dashboard.serve_command import add_address, add_serve, show
from diagnostics.finding import SEVERITIES, Severity

if TYPE_CHECKING:
    from diagnostics.finding import Finding
    from diagnostics.run import Run

FINE, FOUND, REFUSED = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; a mistake of the user's is one line, never a traceback."""
    from diagnostics.run import FathomError

    _speak_anywhere()
    asked = _parser().parse_args(argv)
    try:
        return int(asked.command(asked))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader, `head` say, has read enough
        sys.stderr.close()
        return FINE
    except (FathomError, OSError) as error:
        from dashboard.text import plain

        print(f"fathom: {plain(str(error))}", file=sys.stderr)
        return REFUSED


def _demo(asked: argparse.Namespace) -> int:
    from dashboard.report import report
    from diagnostics.run import FathomError, Run
    from diagnostics.runs import find_runs

    folder = _free(asked.folder)
    ended = subprocess.run([sys.executable, "-m", "probes.demo", str(folder)], check=False)
    if ended.returncode:
        raise FathomError(f"the demo's training ended with exit code {ended.returncode}")
    runs = [Run(summary.path) for summary in find_runs(folder)]
    _tell(runs)
    print(f"\nReport: {report(runs, folder / 'report.html')}", flush=True)
    return FINE if asked.no_serve else show(folder, asked)


def _doctor(asked: argparse.Namespace) -> int:
    runs = _open(asked.run)
    findings = _tell(runs, as_json=asked.json, thresholds=asked.thresholds)
    serious = SEVERITIES[: SEVERITIES.index(asked.fail_on) + 1]
    return FOUND if any(finding.severity in serious for finding in findings) else FINE


def _info(asked: argparse.Namespace) -> int:
    from dashboard.text import info_text

    print("\n\n".join(info_text(run) for run in _open(asked.run)))
    return FINE


def _tell(
    runs: Sequence[Run], *, as_json: bool = False, thresholds: Path | None = None
) -> list[Finding]:
    """Print what the doctor says of each run; return all findings."""
    from dashboard.text import examination_data, examination_text
    from diagnostics.doctor import examine

    examinations = [examine(run, thresholds) for run in runs]
    if as_json:
        told = [*map(examination_data, runs, examinations)]
        print(json.dumps(told, indent=2, allow_nan=False))
    else:
        print("\n\n\n".join(map(examination_text, runs, examinations)), flush=True)
    return [found for told in examinations for found in (*told.findings, *told.hints)]


def _open(paths: Sequence[Path]) -> list[Run]:
    """The runs named; a folder that is none itself stands for all the runs in it."""
    from diagnostics.run import Run
    from diagnostics.runs import find_runs

    inside = {path: [run.path for run in find_runs(path)] for path in paths}
    return [Run(each) for path in paths for each in inside[path] or [path]]


def _free(folder: Path) -> Path:
    """The folder itself, or the next name that is free: a recording is never written over."""
    candidate, number = folder, 1
    while candidate.exists():
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def _speak_anywhere() -> None:
    """A terminal without a letter for `✓` shows another, it does not end the program."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fathom",
        description="Look into the training of a neural network.",
        epilog="example:  fathom demo",
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    _demo_parser(commands)
    add_serve(partial(_command, commands))
    add_report(partial(_command, commands), _open)
    _doctor_parser(commands)
    _info_parser(commands)
    _export_parser(commands)
    _analyse_parser(commands)
    _trial_parsers(commands)
    return parser


if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def _command(commands: Commands, name: str, told: str, example: str) -> argparse.ArgumentParser:
    epilog = f"example:  {example}"
    return commands.add_parser(name, help=told, description=told, epilog=epilog)


def _demo_parser(commands: Commands) -> None:
    told = "train two small networks, one of them sick; examine both; show them"
    demo = _command(commands, "demo", told, "fathom demo --no-serve")
    demo.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("runs/demo"),
        help="where to record (default: runs/demo; if it exists, the next free name)",
    )
    demo.add_argument("--no-serve", action="store_true", help="end after writing the report")
    add_address(demo)
    demo.set_defaults(command=_demo)


def _doctor_parser(commands: Commands) -> None:
    told = "verdicts, worst first; exit code 1 when there are findings"
    doctor = _command(commands, "doctor", told, "fathom doctor runs/digits --fail-on warning")
    doctor.add_argument("run", nargs="+", type=Path)
    doctor.add_argument("--json", action="store_true", help="for machines")
    mildest: Severity = "warning"
    doctor.add_argument(
        "--fail-on",
        choices=SEVERITIES[::-1],
        default=mildest,
        help="exit with 1 only for findings at least this severe (default: warning)",
    )
    doctor.add_argument(
        "--thresholds",
        type=Path,
        metavar="FILE",
        help="a TOML file that sets some of the rules' thresholds otherwise, such as "
        "[vanishing_gradient] first_to_last = 0.001",
    )
    doctor.set_defaults(command=_doctor)


def _info_parser(commands: Commands) -> None:
    told = "what was recorded, of what, and what is missing"
    info = _command(commands, "info", told, "fathom info runs/digits")
    info.add_argument("run", nargs="+", type=Path)
    info.set_defaults(command=_info)


def _export_parser(commands: Commands) -> None:
    from dashboard.export_command import add_export

    add_export(partial(_command, commands))


def _analyse_parser(commands: Commands) -> None:
    from dashboard.analyse import add_analyses

    told = "compute what the recording allows, such as the loss landscape; stored in the run"
    analyse = _command(commands, "analyse", told, "fathom analyse landscape runs/digits")
    analyses = analyse.add_subparsers(required=True, metavar="analysis")
    add_analyses(partial(_command, analyses))


def _trial_parsers(commands: Commands) -> None:
    from dashboard.compare_command import add_compare
    from dashboard.preflight_command import add_preflight
    from dashboard.treat_command import add_treat

    add_compare(partial(_command, commands))
    add_preflight(partial(_command, commands))
    add_treat(partial(_command, commands))


if __name__ == "__main__":
    sys.exit(main())
