"""Folders and files of configuration, for tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime_api.config.configuration import Configuration, configuration_at
from runtime_api.config.settings import Settings
from runtime_api.protocol.function.function import Function, InvalidFunction


def write(path: Path, text: str = "def handler(event, context): ...\n") -> Path:
    """A file with this text, and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def read(file: Path, settings: Settings | None = None, **parameters: str) -> Configuration:
    """What a file declares."""
    return configuration_at(file, settings or Settings(), parameters=parameters)


def only(configuration: Configuration) -> Function:
    """The one function there is."""
    [function] = configuration.functions
    return function


def refusal(file: Path, settings: Settings | None = None, **parameters: str) -> str:
    """Why a file is refused, without the folder it is in."""
    with pytest.raises(InvalidFunction) as refused:
        read(file, settings, **parameters)
    return str(refused.value).replace(f"{file.parent}/", "")
