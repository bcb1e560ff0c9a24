"""Every command of the examples' README is run here, as it stands there but for the port of S3."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from moto.server import ThreadedMotoServer
from PIL import Image

ROOT = Path(__file__).parents[2]
README = (ROOT / "examples" / "README.md").read_text()
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def shell(script: str, cwd: Path) -> str:
    """What a script prints on standard output."""
    done = subprocess.run(
        ["bash", "-euc", script], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def command(word: str) -> str:
    """The one command in the table that contains a word."""
    found: str
    [found] = [text for text in re.findall(r"`(pilotlight run [^`]+)`", README) if word in text]
    return found


def test_hello_from_its_folder() -> None:
    """The call of `hello`."""
    assert "Ada" in shell(command("app.handler"), ROOT / "examples" / "hello")


def test_provided_shell_from_here() -> None:
    """The call of `provided-shell`."""
    assert '"a": 1' in shell(command("provided-shell"), ROOT)


def test_stream_from_here() -> None:
    """The call of `stream`."""
    assert shell(command("examples/stream"), ROOT) == "number,square\n1,1\n2,4\n3,9\n"


def test_asgi_app_from_here() -> None:
    """The call of `web-app`."""
    assert "Hallo, Ada!" in shell(command("examples/web-app"), ROOT)


def test_sam_app_from_here() -> None:
    """The call of `orders`."""
    assert '"accepted": "tea"' in shell(command("examples/sam-app"), ROOT)


def test_versions_from_here() -> None:
    """The call of `greeting`."""
    assert shell(command("examples/versions"), ROOT) == '"Hi, Ada (version $LATEST)"\n'


def test_thumbnail_with_a_picture_of_ones_own(tmp_path: Path) -> None:
    """The block that fills a local S3, and the call of `thumbnail` after it."""
    [block] = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    start_s3, *fill = block.splitlines()
    assert "--port" in shell(start_s3.split()[0] + " --help", tmp_path)
    Image.new("RGB", (300, 200)).save(tmp_path / "picture.png")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        script = "\n".join([*fill, command("thumbnail") + " --timeout 20"])
        printed = shell(script.replace("127.0.0.1:5000", f"{host}:{port}"), tmp_path)
    finally:
        server.stop()
    assert "thumbnails/birds/red kite!.png" in printed.splitlines()[-1]
