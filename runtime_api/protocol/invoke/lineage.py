"""How often a function has been invoked in one chain of requests, as the trace header tells.

    Root=1-…;Parent=…;Sampled=0;Lineage=1:e547cb94:0|85aab102:3

Strategy: each function passes the header on with its own entry counted up: 0 in its first invocation. SDKs send a function's trace
header with what they call, and so a function that calls itself, directly or by way of others, meets its own count. What else stands
in the field is passed on as it is.
Source: the Developer Guide's invocation-recursion page, and the X-Ray Developer Guide's page on the tracing header.
"""

from __future__ import annotations

import re
from zlib import crc32

from runtime_api.protocol.invoke.errors import RecursiveInvocation
from runtime_api.protocol.invoke.trace import parse_trace

# invocation-recursion: so many invocations in one chain, and the next is stopped
CHAIN_LIMIT = 16
_FIELD = "Lineage"
_BEGINNING = "Lineage="


def lineage_id(function_arn: str) -> str:
    """What stands for a function in the header: eight hexadecimal digits of its unqualified ARN."""
    return f"{crc32(function_arn.encode()):08x}"


def count_in(trace: str, own_id: str, *, is_loop_allowed: bool = False) -> str:
    """The trace header a function is given, itself counted; raises RecursiveInvocation where it has been there too often."""
    if _BEGINNING not in trace:
        return f"{trace};{_FIELD}=1:{own_id}:0"
    header = parse_trace(trace)
    lineage = header.get(_FIELD) or "1:"
    found = re.search(rf"(?<![0-9a-f]){own_id}:(\d{{1,9}})(?!\d)", lineage)
    if found is None:
        return str(header.with_field(_FIELD, f"{lineage}{'' if lineage.endswith(':') else '|'}{own_id}:0"))
    count = int(found[1]) + 1
    if count >= CHAIN_LIMIT and not is_loop_allowed:
        raise RecursiveInvocation(CHAIN_LIMIT)
    return str(header.with_field(_FIELD, f"{lineage[: found.start(1)]}{count}{lineage[found.end(1) :]}"))
