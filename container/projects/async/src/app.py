"""The function. One event loop lives as long as the sandbox: what is made here can be used in every call."""

import asyncio
from typing import Any


async def greeting(name: str) -> str:
    """Stand-in for a call of another service."""
    await asyncio.sleep(0)
    return f"Hello, {name}!"


async def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one event; several greetings are made at the same time."""
    return {"messages": await asyncio.gather(*(greeting(name) for name in event.get("names", ["world"])))}
