"""The testee's handlers for Python: what the conformance suite asks a runtime to load and to call.

`conf.main` does what the event's `op` says. What is read from `_HANDLER` at load makes the other names mean what the contract says.
"""

import hashlib
import os
import sys
import time
import types

_HANDLER = os.environ.get("_HANDLER", "")
_calls = 0
_hooks_run = []

if _HANDLER == "conf.boom_import":
    raise RuntimeError("raised while loading")
if _HANDLER == "conf.exit_import":
    sys.exit(7)
if _HANDLER == "conf.slow_import":
    print("loading began", flush=True)
    time.sleep(0.3)
    print("loading ended", flush=True)
LOADED_MS = time.time() * 1000


def main(event, context):
    """Do what `event["op"]` says; an event that is no object, or names no operation, is returned as it is."""
    operation = event.get("op") if isinstance(event, dict) else None
    return OPERATIONS[operation](event, context) if operation in OPERATIONS else event


def other(event, context):
    """Tell that it is another handler than main."""
    return "other"


def stream(event, context):
    """Stream `pieces` pieces, each `ms` after the one before; raise where `fail_at` says. Like every generator, it is streamed."""
    for number in range(event["pieces"] + 1):
        if number == event.get("fail_at"):
            raise ConfError(event["message"])
        if number < event["pieces"]:
            time.sleep(event["ms"] / 1000 if number else 0)
            yield f"piece {number}\n"


slow_import = boom_import = exit_import = http_stream = snap = snap_boom_before = snap_boom_after = main

if _HANDLER == "conf.http_stream":
    # How a stream becomes an HTTP answer is each runtime's own; this is Pilotlight's.
    from bootstrap import http_stream as as_http

    http_stream = as_http(status_code=201, headers={"X-Conformance": "yes"})(stream)

if _HANDLER.startswith("conf.snap"):
    from snapshot_restore_py import register_after_restore, register_before_snapshot

    def hook(name):
        """Keep that it was run, and when; or raise where `_HANDLER` says so."""
        if _HANDLER.endswith(f"_boom_{name}"):
            raise RuntimeError(f"raised by the hook {name}")
        _hooks_run.append([name, time.time() * 1000])

    register_before_snapshot(hook, "before")
    register_after_restore(hook, "after")


def hooks(event, context):
    """Which hooks were run, and when."""
    return _hooks_run


def echo(event, context):
    """The event's value."""
    return event.get("value")


def digest(event, context):
    """Length and SHA-256 of the event's text value, as UTF-8."""
    data = event["value"].encode()
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def pid(event, context):
    """The process id."""
    return os.getpid()


def counter(event, context):
    """How often this was called since the file was loaded, in which process, and when loading ended."""
    global _calls
    _calls += 1
    return {"count": _calls, "pid": os.getpid(), "loaded_ms": LOADED_MS}


def context(event, context):
    """All the context tells; the remaining time twice, `wait_ms` apart, each with the clock before and after."""
    first = _remaining(context)
    time.sleep(event.get("wait_ms", 0) / 1000)
    client = context.client_context
    return {
        "request_id": context.aws_request_id,
        "function_arn": context.invoked_function_arn,
        "remaining": [first, _remaining(context)],
        "client_context": client and {"custom": client.custom, "env": client.env, "client": _client(client.client)},
        "identity_id": context.identity.cognito_identity_id,
        "identity_pool_id": context.identity.cognito_identity_pool_id,
        "tenant_id": getattr(context, "tenant_id", None),
        "function_name": context.function_name,
        "function_version": context.function_version,
        "memory_mb": context.memory_limit_in_mb,
        "log_group": context.log_group_name,
        "log_stream": context.log_stream_name,
    }


def _remaining(context):
    return [time.time() * 1000, context.get_remaining_time_in_millis(), time.time() * 1000]


def _client(client):
    return client and {"installation_id": client.installation_id}


class ConfError(Exception):
    """What `raise` raises."""


def raise_(event, context):
    """Raise a ConfError, or where the event has a `type` a class of that name, with a message of `length` characters or its own."""
    kind = type(event["type"], (Exception,), {}) if "type" in event else ConfError
    raise kind("x" * event["length"] if "length" in event else event["message"])


def raise_odd(event, context):
    """Raise what is hard to report."""
    ODD_ERRORS[event["kind"]]()


class NoText(Exception):
    """Has no text."""

    def __str__(self):
        raise ValueError("no text")


def _raise_without_text():
    raise NoText


def _recurse():
    _recurse()


def _raise_from_depth():
    trace = None
    for line in range(10_000):
        trace = types.TracebackType(trace, sys._getframe(), 0, line + 1)
    raise ConfError("raised from far below").with_traceback(trace)


def return_(event, context):
    """A value of the kind the event names."""
    return RESULTS[event["kind"]]()


def fill(event, context):
    """A text of so many `x`."""
    return "x" * event["length"]


def _cycle():
    ring = []
    ring.append(ring)
    return ring


ODD_ERRORS = {"no-text": _raise_without_text, "recursion": _recurse, "depth": _raise_from_depth}
RESULTS = {
    "none": lambda: None,
    "true": lambda: True,
    "integer": lambda: 42,
    "fraction": lambda: 1.5,
    "text": lambda: 'a "text"',
    "list": lambda: [1, "two", None],
    "object": lambda: {"a": {"b": []}},
    "unserialisable": object,
    "cycle": _cycle,
    "nan": lambda: float("nan"),
    "infinity": lambda: [float("inf")],
    "surrogate": lambda: "a\ud800b",
}


def env(event, context):
    """The environment variables the event names; null for those that are not set."""
    return {name: os.environ.get(name) for name in event["names"]}


def print_(event, context):
    """Print a text and return."""
    print(event.get("text", "printed"))
    return "printed"


def sleep(event, context):
    """Wait for so many milliseconds, then return the event's value."""
    time.sleep(event["ms"] / 1000)
    return event.get("value")


def trace(event, context):
    """The trace id as tracing libraries find it, before and after waiting for `ms`; and the event's value."""
    before = os.environ.get("_X_AMZN_TRACE_ID")
    time.sleep(event["ms"] / 1000)
    return {"traces": [before, os.environ.get("_X_AMZN_TRACE_ID")], "value": event["value"]}


def log(event, context):
    """Log a text, at a level that is shown by default."""
    import logging

    logging.getLogger("conf").warning(event["text"])
    return "logged"


def exit_(event, context):
    """Leave by the language's ordinary exit, with the event's status."""
    sys.exit(event["status"])


def hard_exit(event, context):
    """Leave at once, with the event's status."""
    os._exit(event["status"])


OPERATIONS = {
    "echo": echo,
    "digest": digest,
    "pid": pid,
    "counter": counter,
    "context": context,
    "raise": raise_,
    "raise-odd": raise_odd,
    "return": return_,
    "fill": fill,
    "env": env,
    "print": print_,
    "log": log,
    "sleep": sleep,
    "trace": trace,
    "hooks": hooks,
    "exit": exit_,
    "hard-exit": hard_exit,
}
