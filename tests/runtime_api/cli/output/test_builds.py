"""What the commands that build zips print."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.contents import Contents
from layers.layer import Built
from runtime_api.cli.output.builds import print_built


def test_a_path_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets are markup elsewhere."""
    contents = Contents("function", "1.0", ["3.13"], "x86_64")
    print_built(Built(Path("out[/x]/fn[id].zip"), contents, 1, 1, 1, []), [])
    assert "out[/x]/fn[id].zip" in capsys.readouterr().out
