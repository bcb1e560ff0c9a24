from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner

from runtime_api.cli.main import cli
from runtime_api.conformance.runtime.catalogue import RUNTIME_CASES
from tests.runtime_api.waiting import lives_until

from .conftest import PILOTLIGHT

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
BOOTSTRAP = (sys.executable, str(Path(__file__).parents[3] / "bootstrap" / "__main__.py"))
CONFORM = ("conform", "runtime")


def test_a_runtime_that_conforms_exits_with_0(pilotlight_command: Command, tmp_path: Path) -> None:
    """The report is on stdout, and every file is in the folder."""
    done = pilotlight_command(*CONFORM, "-k", "RT-INIT", "--out", str(tmp_path / "out"), "--", *BOOTSTRAP)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, b"CONFORMANT (the 11 cases selected)")
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["badge.json", "junit.xml", "report.html", "results.json", "summary.md", "wire"]


def test_a_runtime_that_does_not_exits_with_1(pilotlight_command: Command) -> None:
    """A command that ends at once is judged like any other; json is for programs, and nothing else is on stdout."""
    done = pilotlight_command(*CONFORM, "-k", "RT-BOOT-001", "--format", "json", "--", "false")
    told = json.loads(done.stdout)
    assert (done.returncode, told["conforms"], told["is_partial"]) == (1, False, True)
    assert "no request at all; the process exited with status 1" in told["cases"][0]["findings"][0]["actual"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-k", "RT-NOWHERE", "--", "true"], 2, "no case is named by RT-NOWHERE"),
        ([], 2, "name the command"),
        (["--feature", "flying", "--", "true"], 2, "there is no feature flying"),
        (["--list", "--feature", "flying"], 2, "there is no feature flying"),
        (
            ["--feature", "async-retries", "--", "true"],
            2,
            "there is no feature async-retries here: there are streaming",
        ),
        (["-k", "RT-SNAP", "--", "true"], 2, "none of the cases selected is judged without --feature snapstart"),
        (["--handlers", "nowhere", "--", "true"], 2, "no handlers at nowhere"),
        (["--explain", "RT-BOOT"], 2, "names 8 cases: --list shows them all"),
        (["--explain", "SV-NEXT-001"], 2, "names 0 cases: those of SV are in pilotlight conform server"),
        (["-k", "sv", "--", "true"], 2, "no case is named by sv: those of SV are in pilotlight conform server"),
        (["--", "./nowhere"], 3, "./nowhere: there is no such command"),
    ],
)
def test_wrong_usage_is_told_from_a_verdict(arguments: list[str], code: int, message: str) -> None:
    """2 for what was typed, 3 for what cannot be judged, each with what to do."""
    done = CliRunner().invoke(cli, [*CONFORM, *arguments], standalone_mode=False)
    told = done.exception.format_message() if isinstance(done.exception, ClickException) else done.stderr
    exit_code = done.exception.exit_code if isinstance(done.exception, ClickException) else done.return_value
    assert (exit_code, message in told, done.stdout) == (code, True, "")


def test_the_list_and_the_explanations_are_made_of_the_cases() -> None:
    """Every case is in the list, and can be explained."""
    listed = CliRunner().invoke(cli, [*CONFORM, "--list"]).stdout.splitlines()
    assert [line.split()[0] for line in listed] == [case.id for case in RUNTIME_CASES]
    explained = CliRunner().invoke(cli, [*CONFORM, "--explain", "reply-500"]).stdout
    assert explained.startswith("RT-NEXT-005 reply-500\n")
    told = json.loads(CliRunner().invoke(cli, [*CONFORM, "--list", "--format", "json"]).stdout)
    assert [(case["id"], case["level"]) for case in told] == [(case.id, case.level.value) for case in RUNTIME_CASES]


def test_a_configuration_names_the_runtime_and_its_command(pilotlight_command: Command, tmp_path: Path) -> None:
    """So that CI needs one file."""
    config = tmp_path / "conform.toml"
    config.write_text(
        f'name = "mine"\nversion = "1.4"\ncommand = {json.dumps(list(BOOTSTRAP))}\nfeatures = ["streaming"]\n'
    )
    done = pilotlight_command(*CONFORM, "--config", str(config), "-k", "RT-BOOT-002")
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        b"runtime: mine 1.4    profile: core+streaming    rev 2026.11",
    )


def test_a_command_that_cannot_be_started_is_told_once(tmp_path: Path) -> None:
    """Not once for every scenario."""
    command = tmp_path / "bootstrap"
    command.write_text("#!/no/such/interpreter\n")
    command.chmod(0o755)
    done = CliRunner().invoke(cli, [*CONFORM, "--", str(command)], standalone_mode=False)
    assert (done.return_value, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert f"{command} cannot be started" in done.stderr


def test_a_folder_that_cannot_be_made_is_said_before_anything_is_judged(tmp_path: Path) -> None:
    """A run may take minutes."""
    (tmp_path / "file").touch()
    out = ["--out", str(tmp_path / "file" / "out")]
    done = CliRunner().invoke(cli, [*CONFORM, *out, "--", *BOOTSTRAP], standalone_mode=False)
    assert (done.return_value, done.stdout, "cannot be written" in done.stderr) == (3, "", True)


def test_reports_that_cannot_be_written_do_not_take_the_verdict_with_them(tmp_path: Path) -> None:
    """It is printed, and the exit code says that something is missing."""
    (tmp_path / "results.json").mkdir()
    done = CliRunner().invoke(
        cli, [*CONFORM, "-k", "RT-BOOT-001", "--out", str(tmp_path), "--", *BOOTSTRAP], standalone_mode=False
    )
    assert (done.return_value, "cannot be written" in done.stderr) == (3, True)
    assert done.stdout.splitlines()[-1] == "CONFORMANT (the one case selected)"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_full_disk_is_no_verdict(form: str) -> None:
    """Whoever reads the exit code is told that the verdict is not there."""
    command = [PILOTLIGHT, *CONFORM, "-k", "RT-BOOT-001", "--format", form, "--", *BOOTSTRAP]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr.count(b"\n"), b"No space left" in done.stderr) == (3, 1, True)


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C ends the runtime under test as well, and the exit code says so, and a line."""
    beacon = tmp_path / "pid"
    source = f"import os, time; open({str(beacon)!r}, 'w').write(str(os.getpid()))\nwhile True: time.sleep(60)"
    command = [PILOTLIGHT, *CONFORM, "-k", "RT-BOOT-001", "--", sys.executable, "-c", source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        lives_until(running, lambda: beacon.exists() and beacon.read_text())
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert (running.returncode, said) == (130, b"pilotlight: interrupted after 0 of 1 cases\n")
    assert not Path(f"/proc/{beacon.read_text()}").exists()


def test_processes_that_were_there_before_are_left_alone() -> None:
    """Whoever judges within a program of theirs keeps its children."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        CliRunner().invoke(cli, [*CONFORM, "--", "./nowhere"], standalone_mode=False)
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.close()
        assert child.wait() == 0
