from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from urllib.request import Request, urlopen

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.runtime_api.cli.conftest import Served
from tests.runtime_api.waiting import until

FUNCTION = """
def handler(event, context):
    with open(event, "a") as file:
        file.write("ran\\n")
"""


def hand_in(url: str, event: object) -> str:
    """Invoke `orders` asynchronously; the request id."""
    call = Request(f"{url}/2015-03-31/functions/orders/invocations", json.dumps(event).encode())
    call.add_header("X-Amz-Invocation-Type", "Event")
    with urlopen(call, timeout=30) as response:
        return str(response.headers["x-amzn-RequestId"])


async def test_what_a_kill_kept_from_delivery_is_delivered_after_it(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    """A server killed between execution and delivery tells the receiver after it started again, and runs nothing again."""
    records: list[bytes] = []
    is_answered = asyncio.Event()

    async def receive(request: web.Request) -> web.Response:
        records.append(await request.read())
        await is_answered.wait()
        return web.Response()

    app = web.Application()
    app.router.add_post("/", receive)
    async with TestServer(app, host="127.0.0.1") as receiver:
        (tmp_path / "app.py").write_text(FUNCTION)
        (tmp_path / "pilotlight.toml").write_text(
            f'[functions.orders]\npath = "."\nevent_invoke = {{ on_success = "{receiver.make_url("/")}" }}\n'
        )
        arguments = (str(tmp_path), "--data-dir", str(tmp_path / "data"))
        first = await asyncio.to_thread(serve, *arguments)
        request_id = await asyncio.to_thread(hand_in, first.url, str(tmp_path / "ran"))
        await until(lambda: records)
        first.process.kill()
        first.process.wait()
        is_answered.set()
        await asyncio.to_thread(serve, *arguments)
        await until(lambda: len(records) == 2)
    assert records[0] == records[1]
    assert json.loads(records[1])["requestContext"]["requestId"] == request_id
    assert (tmp_path / "ran").read_text() == "ran\n"
