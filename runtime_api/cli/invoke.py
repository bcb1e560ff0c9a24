"""`pilotlight invoke`: a client for a served function, for terminals without the AWS CLI."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPMessage, HTTPResponse
from urllib.parse import quote, urlsplit

import click

from runtime_api.cli.options.event import event_option, read_event
from runtime_api.cli.output.result import print_result, print_tail
from runtime_api.cli.output.stream import print_stream
from runtime_api.protocol import names
from runtime_api.protocol.invoke.event_stream import BadFrame

_INVOKE = "/2015-03-31/functions/{}/invocations"
_STREAM = "/2021-11-15/functions/{}/response-streaming-invocations"


@click.command("invoke")
@click.argument("name")
@event_option
@click.option("--async", "asynchronous", is_flag=True, help="Hand the event in, print its request id, do not wait.")
@click.option("--dry-run", is_flag=True, help="Only check that the function can be invoked.")
@click.option("--tail", is_flag=True, help="Print the last 4 KB of the log on stderr.")
@click.option("--stream", is_flag=True, help="Print the answer as the function writes it.")
@click.option("--tenant-id", metavar="ID", help="The tenant, for a function with tenant isolation.")
@click.option(
    "--endpoint", default="http://127.0.0.1:9000", show_default=True, metavar="URL", help="Where it is served."
)
def command(
    name: str,
    event: str,
    asynchronous: bool,
    dry_run: bool,
    tail: bool,
    stream: bool,
    tenant_id: str | None,
    endpoint: str,
) -> int:
    """Invoke NAME, which may be a function's name or ARN, at an endpoint.

    The exit code is 0 for a result, 1 for a function error, 2 when the call was wrong, 3 when it was throttled or nobody could answer it.
    """
    if asynchronous and dry_run:
        raise click.UsageError("--async and --dry-run exclude each other.")
    if asynchronous and tail:
        raise click.UsageError("--async and --tail exclude each other: nobody waits for the log.")
    if asynchronous and stream:
        raise click.UsageError("--async and --stream exclude each other: nobody waits for the answer.")
    kind = "Event" if asynchronous else "DryRun" if dry_run else "RequestResponse"
    headers = {names.HEADER_INVOCATION_TYPE: kind, names.HEADER_LOG_TYPE: "Tail" if tail else "None"}
    if tenant_id is not None:
        headers[names.HEADER_CALLER_TENANT_ID] = tenant_id
    payload = read_event(event)
    path = (_STREAM if stream else _INVOKE).format(quote(name, safe=""))
    try:
        with _posted(endpoint, path, payload, headers) as response:
            if stream and response.status == 200:
                return print_stream(response)
            return _report(response.status, response.headers, response.read())
    except BadFrame as error:
        click.echo(f"pilotlight: {endpoint}: {error}", err=True)
        return 3
    except ValueError as error:
        raise click.UsageError(f"{name!r} at {endpoint!r}: {error}") from None
    except (OSError, http.client.HTTPException) as error:
        click.echo(f"pilotlight: no answer from {endpoint}: {error}. Is `pilotlight serve` running there?", err=True)
        return 3


@contextmanager
def _posted(endpoint: str, path: str, payload: bytes, headers: dict[str, str]) -> Iterator[HTTPResponse]:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter(f"{endpoint!r} is not a URL such as http://127.0.0.1:9000", param_hint="--endpoint")
    secure = parts.scheme == "https"
    connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(parts.hostname, parts.port)
    try:
        connection.request("POST", parts.path.rstrip("/") + path, payload, headers)
        yield connection.getresponse()
    finally:
        connection.close()


def _report(status: int, headers: HTTPMessage, body: bytes) -> int:
    if status >= 300:
        click.echo(
            f"pilotlight: {headers.get(names.HEADER_API_ERROR_TYPE, 'HTTP error')} ({status}): {_message(body)}",
            err=True,
        )
        return 2 if status < 500 and status != 429 else 3
    if status == 202:
        click.echo(headers[names.HEADER_CALLER_REQUEST_ID])
    tail = headers.get(names.HEADER_LOG_RESULT)
    if tail:
        print_tail(tail)
    if body:
        print_result(body)
    return 1 if names.HEADER_FUNCTION_ERROR in headers else 0


def _message(body: bytes) -> str:
    try:
        value = json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
    return str(value.get("message", value.get("Message"))) if isinstance(value, dict) else str(value)
