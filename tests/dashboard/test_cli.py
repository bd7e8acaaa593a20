"""Every command: what it prints, what it writes, and its exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.cli import main
from diagnostics.doctor import Examination
from tests.dashboard.samples import make_finding, train


def test_doctor_tells_and_exits_with_one(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(runs / "sick")]) == 1
    told = capsys.readouterr().out
    assert "Vanishing gradient" in told
    assert "remedy" in told


def test_doctor_is_content_with_a_healthy_run(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", str(runs / "healthy"), "--fail-on", "error"]) == 0
    assert "healthy" in capsys.readouterr().out


def test_doctor_speaks_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json", str(runs / "sick"), str(runs / "healthy")])
    sick, healthy = json.loads(capsys.readouterr().out)
    assert sick["findings"][0]["disease"] == "vanishing_gradient"
    assert healthy["run"].endswith("healthy")


@pytest.mark.parametrize(
    ("severity", "level", "code"),
    [("hint", "hint", 1), ("hint", "warning", 0), ("warning", "warning", 1), ("error", "hint", 1)],
)
def test_fail_on(
    runs: Path, monkeypatch: pytest.MonkeyPatch, severity: str, level: str, code: int
) -> None:
    told = Examination("run", (make_finding(severity=severity),), (), ())
    monkeypatch.setattr("diagnostics.doctor.examine", lambda *_: told)
    assert main(["doctor", str(runs / "sick"), "--fail-on", level]) == code


def test_info(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(runs / "sick")]) == 0
    told = capsys.readouterr().out
    for word in ("finished", "Sequential", "loss", "torch"):
        assert word in told


def test_report_goes_where_it_is_told(runs: Path, tmp_path: Path) -> None:
    assert main(["report", str(runs / "sick"), "-o", str(tmp_path / "out.html")]) == 0
    assert (tmp_path / "out.html").exists()


def test_report_has_a_name_of_its_own(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["report", str(runs / "sick")])
    main(["report", str(runs / "sick"), str(runs / "healthy")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "sick.html"]


@pytest.mark.parametrize("command", ["doctor", "info", "report", "serve"])
def test_a_users_mistake_is_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, str(tmp_path / "nothing")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) == 1
    assert "nothing" in told.err


def test_a_report_that_cannot_be_written_is_one_line(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert main(["report", str(runs / "sick"), "-o", str(tmp_path / "file" / "x.html")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("command", ["demo", "serve", "report", "doctor", "info"])
def test_help_shows_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"example: fathom {command}" in " ".join(capsys.readouterr().out.split())


def test_reading_loads_neither_dash_nor_torch(runs: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom dashboard.cli import main\n"
        f"main(['report', {str(runs / 'sick')!r}, '-o', {str(tmp_path / 'x.html')!r}])\n"
        f"main(['doctor', {str(runs / 'sick')!r}]); main(['info', {str(runs / 'sick')!r}])\n"
        "assert not {'dash', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_demo_takes_a_free_folder_and_writes_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "demo").mkdir()

    def trained(command: list[str], check: bool) -> subprocess.CompletedProcess[str]:
        assert command[1:3] == ["-m", "probes.demo"]
        assert not check
        train(Path(command[3]) / "sick")
        train(Path(command[3]) / "healthy", "ReLU")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("dashboard.cli.subprocess.run", trained)
    assert main(["demo", str(tmp_path / "demo"), "--no-serve"]) == 0
    assert (tmp_path / "demo-2" / "report.html").exists()
    assert "Vanishing gradient" in capsys.readouterr().out


def test_demo_says_when_training_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = subprocess.CompletedProcess([], 3)
    monkeypatch.setattr("dashboard.cli.subprocess.run", lambda *_, **__: failed)
    assert main(["demo", str(tmp_path / "demo"), "--no-serve"]) == 2
    assert "exit code 3" in capsys.readouterr().err
