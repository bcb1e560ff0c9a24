"""A thousand callers at once on fifty sandboxes."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from runtime_api import Platform
from runtime_api.protocol.invocation import Outcome
from runtime_api.protocol.invoke.errors import TooManyRequests
from tests.runtime_api.conftest import Script

CALLERS, SANDBOXES = 1_000, 50
# Answers with its event and process, once the file is there.
PATIENT = """
    import time
    api = Api()
    while True:
        request_id, body = api.next()
        while not os.path.exists("go"):
            time.sleep(0.01)
        api.respond(request_id, f"{body.decode()} {os.getpid()}".encode())
    """


@pytest.mark.slow
async def test_a_thousand_callers(script: Script) -> None:
    """Whom no sandbox can serve is refused at once; the others, and later all, get their own answer."""
    function = script(PATIENT, timeout_ms=60_000)
    async with Platform([function], port=None, concurrency=SANDBOXES) as platform:

        async def call(number: int) -> Outcome:
            return await platform.invoke(function.name, str(number).encode())

        calls = {number: asyncio.ensure_future(call(number)) for number in range(CALLERS)}
        # Nobody is answered before this: so many can only be done because they were refused.
        while sum(one.done() for one in calls.values()) < CALLERS - SANDBOXES:
            await asyncio.sleep(0)
        Path(function.task_root, "go").touch()
        await asyncio.wait(calls.values())
        refused = [one.exception() for one in calls.values() if one.exception() is not None]
        assert Counter(map(type, refused)) == {TooManyRequests: CALLERS - SANDBOXES}
        answers = {number: one.result().body.split() for number, one in calls.items() if one.exception() is None}
        assert all(int(said) == number for number, (said, _) in answers.items())
        assert len({pid for _, pid in answers.values()}) == SANDBOXES

        async def insist(number: int) -> int:
            while True:
                try:
                    return int((await call(number)).body.split()[0])
                except TooManyRequests:
                    await asyncio.sleep(0.05)

        assert await asyncio.gather(*map(insist, range(CALLERS))) == list(range(CALLERS))
