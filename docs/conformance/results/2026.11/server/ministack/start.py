"""ministack with one function, for `pilotlight conform server`: PORT API_PORT TASK TIMEOUT.

ministack listens at API_PORT. Who calls PORT is let through to it, byte by byte, once the function is there: before that, the suite would
take it for ready.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import sys
import urllib.request
import zipfile
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("ministack")


def zipped(folder: Path) -> str:
    """The function's folder as CreateFunction takes it."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    return base64.b64encode(packed.getvalue()).decode()


def create(port: int, task: Path, timeout_s: float) -> None:
    """Create the function. Raises OSError while nobody listens."""
    function = {
        "FunctionName": "function",
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Role": "arn:aws:iam::000000000000:role/function",
        "Timeout": int(timeout_s),
        "Code": {"ZipFile": zipped(task)},
    }
    url = f"http://127.0.0.1:{port}/2015-03-31/functions"
    call = urllib.request.Request(url, json.dumps(function).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(call, timeout=20).close()


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, until it ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def main(port: int, api_port: int, task: Path, timeout_s: float) -> None:
    """Start it, and let callers through."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs = await asyncio.open_connection("127.0.0.1", api_port)
        await asyncio.gather(relay(reader, theirs[1]), relay(theirs[0], writer))
        writer.close()
        theirs[1].close()

    environment = {**os.environ, "GATEWAY_PORT": str(api_port), "SERVICES": "lambda"}
    program = await asyncio.create_subprocess_exec(PROGRAM, env=environment)
    while program.returncode is None:
        try:
            await asyncio.to_thread(create, api_port, task, timeout_s)
            break
        except OSError:
            await asyncio.sleep(0.1)
    await asyncio.start_server(connect, "127.0.0.1", port)
    sys.exit(await program.wait())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])))
