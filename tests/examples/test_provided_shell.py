"""The custom runtime in shell: what it answers, what it reports, and that it goes on."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from benchmarks.servers import pilotlight

FOLDER = Path(__file__).parents[2] / "examples" / "provided-shell"
PILOTLIGHT = str(Path(sys.executable).with_name("pilotlight"))

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing: the example is written in it")


@pytest.fixture
def with_function(tmp_path: Path) -> Callable[[str], Path]:
    """The example with another function.sh."""

    def make(source: str) -> Path:
        shutil.copy(FOLDER / "bootstrap", tmp_path / "bootstrap")
        (tmp_path / "function.sh").write_text(source)
        return tmp_path

    return make


def _run(folder: Path, event: str = "{}") -> tuple[int, dict[str, str], str]:
    done = subprocess.run([PILOTLIGHT, "run", str(folder), "-e", event], capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


def test_answers() -> None:
    """The event reaches the function and its output is the result; its standard error is the log."""
    code, answer, log = _run(FOLDER, '{"text": "ä \\" \\\\ %s"}')
    assert (code, answer) == (0, {"shell": os.uname().sysname, "event": {"text": 'ä " \\ %s'}})
    assert "got " in log


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        ("handler() { exit 7; }", "Function.ExitStatus", "the handler ended with exit status 7"),
        ("handler() { false; echo '{}'; }", "Function.ExitStatus", "the handler ended with exit status 1"),
        ("handler() {", "Runtime.UserCodeSyntaxError", "function.sh: "),
        ("echo oops >&2; false; handler() { true; }", "Function.ExitStatus", "function.sh ended with status 1: oops"),
        ("printf '\"\\\\\\t\\033\\nä' >&2; exit 3", "Function.ExitStatus", 'function.sh ended with status 3: "\\ \nä'),
        ("other() { true; }", "Runtime.HandlerNotFound", "function.sh defines no function handler"),
    ],
)
def test_reports_errors(with_function: Callable[[str], Path], source: str, error_type: str, message: str) -> None:
    """A function that fails, and one that cannot be loaded, are reported with what is wrong."""
    code, answer, _ = _run(with_function(source))
    assert (code, set(answer), answer["errorType"]) == (1, {"errorType", "errorMessage"}, error_type)
    assert message in answer["errorMessage"]


def test_goes_on_after_an_error(with_function: Callable[[str], Path]) -> None:
    """One sandbox fails one event and answers the next."""
    folder = with_function('handler() { event=$(cat); [ "$event" != 1 ]; echo "[$event, $$]"; }')
    with pilotlight(folder, "--name", "function", "--concurrency", "1") as server:
        first, error, second = (_call(server.url + server.path, event) for event in (b"0", b"1", b"2"))
    assert error == {"errorMessage": "the handler ended with exit status 1", "errorType": "Function.ExitStatus"}
    assert second == [2, first[1]]


def _call(url: str, event: bytes) -> Any:  # noqa: ANN401  (whatever the function answers)
    while True:
        try:
            with urlopen(Request(url, event), timeout=30) as response:
                return json.load(response)
        except HTTPError as refused:
            # The one sandbox there may be has answered, and is not back yet.
            if refused.code != 429:
                raise
