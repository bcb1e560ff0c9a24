from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from runtime_api.frontend.platform import Platform
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invoke.errors import ServiceFailure
from tests.runtime_api.sandbox.isolation.conftest import needs_bubblewrap

HANDLER = """
import os
import tempfile

import from_layer

starts = os.path.join(tempfile.gettempdir(), "starts")
with open(starts, "a") as file:
    file.write(".")

def handler(event, context):
    if event == "crash":
        os._exit(3)
    if event == "too much":
        return len([b"x" * (1 << 20) for _ in range(400)])
    return [from_layer.VALUE, len(open(starts).read()), os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]]
"""


@pytest.fixture(params=[pytest.param("process"), pytest.param("bubblewrap", marks=needs_bubblewrap)])
def function(request: pytest.FixtureRequest, tmp_path: Path) -> Function:
    """A function with a layer, on each isolation."""
    (tmp_path / "app.py").write_text(HANDLER)
    with zipfile.ZipFile(tmp_path / "layer.zip", "w") as archive:
        info = zipfile.ZipInfo("python/from_layer.py")
        # Python's own default is for the owner only, and the sandbox's user is somebody else, here as in the service.
        info.external_attr = 0o644 << 16
        archive.writestr(info, "VALUE = 'layer'")
    return make(tmp_path, isolation=request.param, layers=(str(tmp_path / "layer.zip"),))


def make(folder: Path, **members: Any) -> Function:  # noqa: ANN401  (any member of Function)
    """A Python function of this folder."""
    return Function(name="hello", task_root=str(folder), handler="app.handler", timeout_ms=30_000, **members)


async def test_a_place_outlives_its_sandboxes(function: Function) -> None:
    """What follows a crash, or a want of memory, finds the layer, the files in /tmp and the log stream of before."""
    async with Platform([function], port=None) as platform:
        first = await platform.invoke("hello", b"1")
        assert not first.is_function_error, first.body
        value, starts, stream = json.loads(first.body)
        assert (value, starts) == ("layer", 1)
        crash = await platform.invoke("hello", b'"crash"')
        assert b"Runtime exited with error: exit status 3" in crash.body
        assert json.loads((await platform.invoke("hello", b"1")).body) == ["layer", 2, stream]
        hungry = await platform.invoke("hello", b'"too much"', wants_log_tail=True)
        assert b"Runtime exited with error: signal: killed" in hungry.body
        assert hungry.error_type == "Runtime.OutOfMemory"
        assert hungry.log_tail is not None
        assert b"Max Memory Used: 128 MB" in hungry.log_tail
        assert json.loads((await platform.invoke("hello", b"1")).body) == ["layer", 3, stream]


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"no zip", "it is neither a folder nor a zip file"), (None, "it cannot be read: no such file or directory")],
)
async def test_a_layer_that_cannot_be_used(tmp_path: Path, content: bytes | None, why: str) -> None:
    """Said when the platform is entered, not when somebody calls."""
    layer = tmp_path / "layer.zip"
    if content is not None:
        layer.write_bytes(content)
    with pytest.raises(ServiceFailure) as failed:
        async with Platform([make(tmp_path, layers=(str(layer),))], port=None):
            pass
    assert str(failed.value) == f"layer {layer}: {why}"


async def test_bubblewrap_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is named before anybody calls."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ServiceFailure, match=r"install the bubblewrap package \(Debian: apt install bubblewrap\)"):
        async with Platform([make(tmp_path, isolation="bubblewrap")], port=None):
            pass
