from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from runtime_api.conformance.server_stage.switchboard import Line, Streams, Switchboard
from tests.runtime_api.waiting import PATIENCE_S, until


class Obedient:
    """A line to a bootstrap that does what it is told."""

    async def order(self, do: str, **details: object) -> dict[str, Any]:
        return {"port": 1}


async def arrive(board: Switchboard) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that came to the first listener of a bootstrap."""
    place, secret = board.address.split()
    reader, writer = await asyncio.open_connection(*place.split(":"))
    writer.write(json.dumps({"secret": secret, "accepted": 1}).encode() + b"\n")
    return reader, writer


async def test_who_listened_in_a_scenario_hears_nothing_in_the_next() -> None:
    """One board lives through all of them; what comes too late is closed."""
    board, taken = Switchboard(), list[Streams]()
    await board.open()
    try:
        assert await board.listen(cast("Line", Obedient()), taken.append) == 1
        _, first = await arrive(board)
        await until(lambda: taken)
        first.close()
        board.release()
        reader, late = await arrive(board)
        assert await asyncio.wait_for(reader.read(), PATIENCE_S) == b""
        late.close()
        assert len(taken) == 1
    finally:
        board.close()
