"""Where the bootstrap does not do what awslambdaric does: each row of docs/differences.md that two runs can show."""

import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .fake_runtime_api import HUNG_UP, FakeRuntimeAPI, http_reply
from .function import Outcome
from .twin import Twin

PAGE = Path(__file__).parents[2] / "docs" / "differences.md"
ENDED_BY_US = -signal.SIGTERM


@dataclass
class Difference:
    """What is run, and what became of it under each: the posts in short, and the status unless the end was ours."""

    theirs: list[str]
    ours: list[str]
    statement: str = "return 1"
    headers: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    module: str = ""
    arguments: list[str] = field(default_factory=lambda: ["app.handler"])
    script: Callable[[FakeRuntimeAPI], None] = lambda api: None


def script_refused_next(api: FakeRuntimeAPI) -> None:
    """The platform has a moment of weakness."""
    api.reply(http_reply(503, {"Content-Type": "application/json"}, b"{}"))


def script_dropped_next(api: FakeRuntimeAPI) -> None:
    """The platform hangs up on a runtime that waits."""
    api.reply(HUNG_UP, close=True)


def script_refused_answer(api: FakeRuntimeAPI) -> None:
    """The first answer comes too late, say."""
    api.event()
    api.post_reply(http_reply(410, {}, b""))


UTF_8 = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"}
DIFFERENCES = {
    "A result with NaN or an infinity": Difference(
        ["response NaN"], ["error Runtime.MarshalError"], "return float('nan')"
    ),
    "A lone surrogate in a result, where answers are UTF-8": Difference(
        ["status 1"], [r'response "\ud800"'], r"return '\ud800'", environ=UTF_8
    ),
    "Where answers are UTF-8 and not escaped to ASCII": Difference(
        [r'response "\u00e4"'],
        ['response "ä"'],
        "return 'ä'",
        environ={"AWS_EXECUTION_ENV": "AWS_Lambda_python3.16"},
    ),
    "An event of type `application/json; charset=utf-8`": Difference(
        ['response "bytes"'],
        ['response "dict"'],
        "return type(event).__name__",
        {"Content_Type": "application/json; charset=utf-8"},
    ),
    "An event without a Content-Type": Difference(["status -11"], ["response 1"], headers={"Content_Type": ""}),
    "A deadline that is 0 or no number": Difference(
        ["status -6"],
        ["response 0"],
        "return context.get_remaining_time_in_millis()",
        {"Lambda_Runtime_Deadline_Ms": "0"},
    ),
    "A client context that is no JSON object": Difference(
        ["error AttributeError"],
        ["error Runtime.LambdaContextUnmarshalError"],
        headers={"Lambda_Runtime_Client_Context": "[1]"},
    ),
    "`sys.exit()` in the handler": Difference(["status 3"], ["error SystemExit", "status 3"], "raise SystemExit(3)"),
    "`KeyboardInterrupt` in the handler": Difference(
        ["status -2"], ["error KeyboardInterrupt"], "raise KeyboardInterrupt"
    ),
    "Any other `BaseException` in the handler": Difference(
        ["status 1"], ["error GeneratorExit"], "raise GeneratorExit"
    ),
    "An exception whose `__str__` fails": Difference(
        ["status 1"], ["error Odd"], "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})"
    ),
    "`sys.exit()` while the module is loaded": Difference(
        ["status 3"], ["error SystemExit", "status 3"], module="raise SystemExit(3)", arguments=["loading.handler"]
    ),
    "`sys.exit(0)` while the module is loaded": Difference(
        ["status 0"], ["error SystemExit", "status 1"], module="raise SystemExit(0)", arguments=["loading.handler"]
    ),
    "A handler string that begins with `.` or `/`": Difference(
        ["error TypeError", "status 1"],
        ["error Runtime.MalformedHandlerName", "status 1"],
        arguments=[".app.handler"],
    ),
    "No handler on the command line": Difference(["status 1"], ["response 1"], arguments=[]),
    "What the function finds in `sys.argv`": Difference(
        ["response 2"], ["response 1"], "import sys; return len(sys.argv)"
    ),
    "An answer that the platform refuses with 4xx": Difference(
        ["response 1", "status 1"], ["response 1", "response 1"], script=script_refused_answer
    ),
    "`next` answered with 4xx or 5xx": Difference(["status 1"], ["response 1"], script=script_refused_next),
    "A connection that is dropped while the runtime waits": Difference(
        ["status 1"], ["response 1"], script=script_dropped_next
    ),
}


@pytest.mark.parametrize("what", DIFFERENCES)
def test_what_is_different_is_different(twin: Twin, what: str) -> None:
    """Each does what its column says."""
    difference = DIFFERENCES[what]
    for function in twin.functions:
        function.command[-1:] = difference.arguments
        function.environ |= difference.environ
        function.write(difference.module, "loading.py")
        difference.script(function.api)
    theirs, ours = twin.run(difference.statement, difference.headers, body=b"{}")
    assert (story(theirs), story(ours)) == (difference.theirs, difference.ours)


def story(outcome: Outcome) -> list[str]:
    """What was posted, in short, and how the process ended unless the test ended it."""
    posts = [
        f"response {post.body.decode()}" if post.path.endswith("/response") else f"error {post.json()['errorType']}"
        for post in outcome.posts
    ]
    return posts if outcome.status == ENDED_BY_US else [*posts, f"status {outcome.status}"]


def test_each_difference_has_its_row() -> None:
    """The page names what is tested here, in the same words."""
    assert set(DIFFERENCES) - {row[0] for row in rows()} == set()


def test_every_row_has_three_cells() -> None:
    """What, awslambdaric, Pilotlight; none empty, none twice."""
    assert {len(row) for row in rows()} == {3}
    assert all(cell for row in rows() for cell in row)
    subjects = [row[0] for row in rows() if row[0] != "what"]
    assert len(subjects) == len(set(subjects)) > len(DIFFERENCES)


def test_the_readme_leads_to_the_page() -> None:
    """Nobody else will find it."""
    assert "docs/differences.md" in (PAGE.parents[1] / "README.md").read_text()


def rows() -> list[list[str]]:
    """The cells of all tables of the page, with the rules below their heads left out."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|") and not line.startswith("|-")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
