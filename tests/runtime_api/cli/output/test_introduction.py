from __future__ import annotations

import pytest

from runtime_api.cli.output.introduction import introduce
from runtime_api.config.configuration import Configuration
from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.url_config import UrlConfig

URL = "http://127.0.0.1:9000"


def rows(capsys: pytest.CaptureFixture[str], configuration: Configuration) -> list[list[str]]:
    """The words of each line that is printed before the first empty one, without the header."""
    introduce(URL, configuration)
    table = capsys.readouterr().err.split("\n\n")[0]
    return [line.split() for line in table.splitlines()[1:]]


def test_everything_that_can_be_called_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Versions and aliases below their function; with a URL where they have one."""
    plain = Function(name="f", task_root="/srv/f", handler="app.handler", url=UrlConfig())
    version = Function(name="f", task_root="/srv/f", runtime="command", command=("node", "x.js"), version="1")
    other = Function(name="g", task_root="/srv/g", runtime="provided")
    odd = Function(name="h", task_root="/srv/h", handler="src/[id]/a.[/x]")
    alias = Alias(function_name="f", name="live", version="1", additional_weights={"2": 0.1}, url=UrlConfig())
    found = rows(capsys, Configuration(functions=(plain, version, other, odd), aliases=(alias,)))
    assert found == [
        ["f", "python", "app.handler", "/lambda-url/f/"],
        ["f:1", "command", "node", "x.js"],
        ["f:live", "alias", "version", "1,", "2", "(10%)", "/lambda-url/f:live/"],
        ["g", "provided", "bootstrap"],
        ["h", "python", "src/[id]/a.[/x]"],
    ]
