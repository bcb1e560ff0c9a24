from __future__ import annotations

import subprocess
import sys

import pytest

import runtime_api


def test_the_exported_names() -> None:
    """Added to on purpose, never renamed."""
    functions = ["Alias", "Cors", "EventInvokeConfig", "Function", "InvalidFunction", "UrlConfig"]
    assert sorted(runtime_api.__all__) == sorted(["Account", *functions, "Platform"])


@pytest.mark.parametrize("name", runtime_api.__all__)
def test_each_name_is_there(name: str) -> None:
    """Loaded on first use, and always the same."""
    assert getattr(runtime_api, name) is getattr(runtime_api, name)
    assert getattr(runtime_api, name).__name__ == name


def test_another_name_is_not() -> None:
    """In the interpreter's own words."""
    with pytest.raises(AttributeError, match="module 'runtime_api' has no attribute 'Nothing'"):
        _ = runtime_api.Nothing


def test_the_http_server_is_loaded_when_it_is_asked_for() -> None:
    """The package and its rules alone cost no aiohttp."""
    source = "import sys, runtime_api; runtime_api.Function; print('aiohttp' in sys.modules, 'asyncio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
