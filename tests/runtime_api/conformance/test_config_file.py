from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.conformance.config_file import ConfigUnusable, read_config


def test_members_that_are_not_named_have_a_default(tmp_path: Path) -> None:
    """An empty file says nothing, and that is enough."""
    path = tmp_path / "conform.toml"
    path.write_text('[environment]\nHOME = "/opt/my=home"\n')
    config = read_config(path)
    assert (config.handlers, config.features, config.environment) == ("python", (), {"HOME": "/opt/my=home"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[environment", ""),
        ('commands = ["x"]', "commands"),
        ('handlers = ""', "handlers is empty"),
        ('features = ["flying"]', "there is no feature flying"),
        ('[options]\nflying = ["--fly"]', "there is no feature flying"),
        ('[environment]\n"A=B" = "c"', "environment.A=B: no process can be given"),
        ('[environment]\nA = "b\\u0000"', "environment.A: no process can be given"),
        ('[environment]\n"" = "b"', "no process can be given"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """With the file, and what in it."""
    path = tmp_path / "conform.toml"
    path.write_text(text)
    with pytest.raises(ConfigUnusable, match=rf"conform\.toml: .*{message}"):
        read_config(path)
