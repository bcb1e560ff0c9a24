"""The Extensions API over real sockets: registration, events, refusals, and what a broken extension can do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from runtime_api.protocol.extension.messages import RegisterReply, ShutdownReason, invoke_event, shutdown_event
from runtime_api.protocol.extension.states import ExtensionState
from runtime_api.protocol.limits import RESPONSE_LIMIT_BYTES
from runtime_api.sandbox.endpoint.extensions import PREFIX, Extension, Extensions
from runtime_api.sandbox.endpoint.runtime_endpoint import RuntimeEndpoint
from tests.runtime_api.fake_runtime import REQUEST_ID, Answer, FakeRuntime, RecordingOwner, invocation, request_bytes
from tests.runtime_api.waiting import until

REGISTER = f"{PREFIX}register"
NEXT = f"{PREFIX}event/next"
INIT_ERROR = f"{PREFIX}init/error"
EXIT_ERROR = f"{PREFIX}exit/error"
OK = b'{"status":"OK"}\n'
BOTH = b'{"events":["INVOKE","SHUTDOWN"]}'
STRANGER = "12345678-1234-4234-8234-123456789012"
ERROR_TYPE = "Lambda-Extension-Function-Error-Type: Extension.Oops\r\n"


class RecordingSandbox(RecordingOwner):
    """A sandbox that writes down what extensions did."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = 0
        self.failures: list[tuple[str, str, str | None]] = []

    def extension_progressed(self) -> None:
        """One registered, or asked for its next event."""
        self.progress += 1

    def extension_failed(self, extension: Extension, error_type: str) -> None:
        """One cannot go on."""
        self.failures.append((extension.name, error_type, extension.error_type))


class ExtensionsPort:
    """The Extensions API on a port, with the external extensions `watcher` and `other`, and clients of it."""

    def __init__(self) -> None:
        self.owner = RecordingSandbox()
        identifiers = (f"00000000-0000-4000-8000-{number:012d}" for number in range(1, 100))
        facts = RegisterReply("hello", "$LATEST", "app.handler")
        self.extensions = Extensions(self.owner, facts, "123456789012", lambda: next(identifiers))
        self.endpoint = RuntimeEndpoint(self.owner, {PREFIX: self.extensions.serve}, self.extensions.lost)
        self.watcher = self.extensions.add_external("watcher")
        self._clients: list[FakeRuntime] = []

    async def connect(self) -> FakeRuntime:
        """One more connection."""
        client = await FakeRuntime.connect(self.endpoint.address)
        self._clients.append(client)
        return client

    async def registered(self, name: str = "watcher", events: bytes = BOTH) -> tuple[FakeRuntime, str]:
        """A client that registered, and the header line it identifies itself with."""
        client = await self.connect()
        answer = await register(client, name, events)
        assert answer.status == 200
        return client, f"Lambda-Extension-Identifier: {answer.headers['lambda-extension-identifier']}\r\n"

    async def parked(self, name: str = "watcher", events: bytes = BOTH) -> tuple[FakeRuntime, str]:
        """One that registered and waits for its first event."""
        client, identity = await self.registered(name, events)
        client.send(request_bytes("GET", NEXT, headers=identity))
        await until(lambda: any(one.name == name and one.poll is not None for one in self.extensions))
        return client, identity

    async def close(self) -> None:
        """Close everybody."""
        for client in self._clients:
            await client.close()
        self.endpoint.close()


@pytest.fixture
async def port(no_loop_errors: None) -> AsyncIterator[ExtensionsPort]:
    """The API on a free port."""
    port = ExtensionsPort()
    await port.endpoint.open()
    yield port
    await port.close()


@pytest.fixture
async def client(port: ExtensionsPort) -> FakeRuntime:
    """A client of it that has said nothing yet."""
    return await port.connect()


async def register(client: FakeRuntime, name: str, body: bytes = BOTH, more: str = "") -> Answer:
    """A register call and its answer."""
    return await client.request("POST", REGISTER, body, f"Lambda-Extension-Name: {name}\r\n{more}")


def refused(answer: Answer) -> tuple[str, str]:
    """Type and text of a refusal, which is a 403 in JSON with a line feed."""
    assert (answer.status, answer.headers["content-type"]) == (403, "application/json")
    assert answer.body.endswith(b"}\n")
    body = json.loads(answer.body)
    assert list(body) == ["errorMessage", "errorType"]
    return body["errorType"], body["errorMessage"]


def wrong_state(state: str, target: str, name: str = "watcher") -> tuple[str, str]:
    """The refusal of a call that is not legal in a state."""
    text = f"State transition from {state} to {target} failed for extension {name}. "
    return "Extension.InvalidExtensionState", text + "Error: State transition is not allowed"


# register


async def test_an_external_extension_registers(port: ExtensionsPort, client: FakeRuntime) -> None:
    """It learns its identifier and the facts of the function; the sandbox is told."""
    assert not port.extensions.all_registered
    answer = await register(client, "watcher")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.body == b'{"functionName":"hello","functionVersion":"$LATEST","handler":"app.handler"}'
    assert str(UUID(answer.headers["lambda-extension-identifier"])) == port.watcher.identifier
    assert (port.watcher.state, port.watcher.external) == (ExtensionState.REGISTERED, True)
    assert {event.value for event in port.watcher.events} == {"INVOKE", "SHUTDOWN"}
    assert (port.owner.progress, port.extensions.all_registered, port.extensions.has_external) == (1, True, True)


async def test_a_name_nobody_started_is_an_internal_extension(port: ExtensionsPort, client: FakeRuntime) -> None:
    """It is a part of the runtime."""
    assert (await register(client, "inside", b'{"events":["INVOKE"]}')).status == 200
    inside = list(port.extensions)[1]
    assert (inside.name, inside.external, inside.state) == ("inside", False, ExtensionState.REGISTERED)
    assert (port.extensions.any_registered, port.extensions.has_external) == (True, False)


@pytest.mark.parametrize(
    ("features", "account"),
    [("accountId", True), ("other, accountId", True), ("accountID", False), ("", False), ("accountId2", False)],
)
async def test_the_account_is_told_to_who_asks(client: FakeRuntime, features: str, account: bool) -> None:
    """By a feature in a list."""
    answer = await register(client, "watcher", more=f"Lambda-Extension-Accept-Feature: {features}\r\n")
    assert (b'"accountId":"123456789012"' in answer.body) is account


async def test_a_name_beyond_ascii(port: ExtensionsPort, client: FakeRuntime) -> None:
    """File names are UTF-8, and so is the header."""
    port.extensions.add_external("wächter")
    name = "wächter".encode().decode("latin-1")
    assert (await register(client, name)).status == 200
    assert [extension.external for extension in port.extensions] == [True, True]


REFUSED_REGISTRATIONS = [
    ("", BOTH, "Extension.InvalidExtensionName", "Empty extension name"),
    ("watcher", b'{"events":["OTHER"]}', "Extension.InvalidEventType", "OTHER: ErrorInvalidEventType"),
    (
        "inside",
        BOTH,
        "Extension.InvalidEventType",
        "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
    ),
    (
        "watcher",
        b'{"configurationKeys":["A"]}',
        "InvalidRequestFormat",
        "configurationKeys are deprecated; use environment variables instead",
    ),
    ("watcher", b"", "InvalidRequestFormat", "Input data was truncated"),
    ("watcher", b"not json", "InvalidRequestFormat", "JSON is malformed: invalid character (byte 4)"),
]


@pytest.mark.parametrize(("name", "body", "error_type", "message"), REFUSED_REGISTRATIONS)
async def test_a_refused_registration(
    port: ExtensionsPort, client: FakeRuntime, name: str, body: bytes, error_type: str, message: str
) -> None:
    """403 says why, nothing has changed, and a proper one is accepted afterwards."""
    assert refused(await register(client, name, body)) == (error_type, message)
    assert (port.watcher.state, len(list(port.extensions)), port.owner.progress) == (ExtensionState.STARTED, 1, 0)
    assert (await register(client, "watcher")).status == 200


async def test_registering_twice(port: ExtensionsPort) -> None:
    """Refused in the words each kind has for it; the first registration holds."""
    client, identity = await port.registered()
    inside, _ = await port.registered("inside", b"{}")
    before = port.watcher.identifier
    assert refused(await register(client, "watcher")) == wrong_state("Registered", "Registered")
    taken = ("Extension.InvalidExtensionState", "Extension with this name already registered")
    assert refused(await register(inside, "inside", b"{}")) == taken
    assert port.watcher.identifier == before
    assert identity.strip().endswith(before)


async def test_registration_closes(port: ExtensionsPort, client: FakeRuntime) -> None:
    """Nobody new comes in; an external one that is in hears that it is."""
    await port.registered()
    port.extensions.close_registration()
    closed = ("Extension.RegistrationClosed", "Extension registration closed already")
    assert refused(await register(client, "inside", b"{}")) == closed
    assert refused(await register(client, "watcher")) == wrong_state("Registered", "Registered")


async def test_the_eleventh_extension(port: ExtensionsPort, client: FakeRuntime) -> None:
    """External and internal ones count together."""
    for number in range(9):
        assert (await register(client, f"inside-{number}", b"{}")).status == 200
    limit = ("Extension.TooManyExtensions", "Extension limit (10) reached")
    assert refused(await register(client, "inside-9", b"{}")) == limit
    assert (await register(client, "watcher")).status == 200
    assert len(list(port.extensions)) == 10


# next


async def test_an_invocation_is_told(port: ExtensionsPort) -> None:
    """To who waits for it, with an identifier of the event; not to who did not subscribe."""
    client, identity = await port.parked()
    _, _ = await port.parked("quiet", b'{"events":[]}')
    assert port.extensions.all_ready
    port.extensions.invoke(invoke_event(invocation(), 5))
    answer = await client.answer()
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert UUID(answer.headers["lambda-extension-event-identifier"])
    event = json.loads(answer.body)
    assert (event["eventType"], event["requestId"], event["deadlineMs"]) == ("INVOKE", REQUEST_ID, 5)
    assert [extension.state.value for extension in port.extensions] == ["Running", "Ready"]
    assert not port.extensions.all_done
    client.send(request_bytes("GET", NEXT, headers=identity))
    await until(lambda: port.extensions.all_done)


async def test_a_shutdown_is_told(port: ExtensionsPort) -> None:
    """Without an identifier of the event; the names of those who were told come back."""
    client, _ = await port.parked()
    quiet, _ = await port.parked("quiet", b"{}")
    assert port.extensions.shut_down(shutdown_event(ShutdownReason.TIMEOUT, 7)) == {"watcher"}
    answer = await client.answer()
    assert answer.body == b'{"eventType":"SHUTDOWN","shutdownReason":"timeout","deadlineMs":7}'
    assert "lambda-extension-event-identifier" not in answer.headers
    port.endpoint.close()
    assert await quiet.rest() == b""


async def test_a_poll_that_is_lost_is_asked_again(port: ExtensionsPort) -> None:
    """The extension is still ready, and the event goes to the new poll."""
    client, identity = await port.parked()
    await client.close()
    await until(lambda: port.watcher.poll is None)
    assert port.extensions.all_ready
    again = await port.connect()
    again.send(request_bytes("GET", NEXT, headers=identity))
    await until(lambda: port.watcher.poll is not None)
    port.extensions.invoke(invoke_event(invocation(), 5))
    assert b"INVOKE" in (await again.answer()).body


async def test_an_event_waits_for_an_extension_that_is_away(port: ExtensionsPort) -> None:
    """Who lost its poll before the event gets it when it asks again."""
    client, identity = await port.parked()
    await client.close()
    await until(lambda: port.watcher.poll is None)
    port.extensions.invoke(invoke_event(invocation(), 5))
    assert port.watcher.state is ExtensionState.RUNNING
    again = await port.connect()
    assert b"INVOKE" in (await again.request("GET", NEXT, headers=identity)).body
    assert port.watcher.state is ExtensionState.RUNNING


async def test_a_shutdown_waits_for_an_extension_at_work(port: ExtensionsPort) -> None:
    """It hears of the end when it is done with the invocation."""
    client, identity = await port.parked()
    port.extensions.invoke(invoke_event(invocation(), 5))
    await client.answer()
    port.extensions.shut_down(shutdown_event(ShutdownReason.SPINDOWN, 7))
    assert b"spindown" in (await client.request("GET", NEXT, headers=identity)).body


async def test_a_second_poll_while_one_waits(port: ExtensionsPort) -> None:
    """Refused; the first one gets the event."""
    client, identity = await port.parked()
    other = await port.connect()
    assert refused(await other.request("GET", NEXT, headers=identity)) == wrong_state("Ready", "Ready")
    port.extensions.invoke(invoke_event(invocation(), 5))
    assert b"INVOKE" in (await client.answer()).body


# errors


@pytest.mark.parametrize(
    ("path", "state", "means"),
    [(INIT_ERROR, "InitError", "Extension.InitError"), (EXIT_ERROR, "ExitError", "Extension.ExitError")],
)
async def test_an_error_is_reported(port: ExtensionsPort, path: str, state: str, means: str) -> None:
    """Once: said again it is accepted and changes nothing; then the extension has nothing more to ask."""
    client, identity = await port.registered()
    for kind in ("Extension.Oops", "Extension.Other"):
        headers = f"{identity}Lambda-Extension-Function-Error-Type: {kind}\r\n"
        answer = await client.request("POST", path, b'{"errorMessage":"x"}', headers)
        assert (answer.status, answer.body) == (202, OK)
    assert port.owner.failures == [("watcher", means, "Extension.Oops")]
    assert port.watcher.state.value == state
    assert refused(await client.request("GET", NEXT, headers=identity)) == wrong_state(state, "Ready")


@pytest.mark.parametrize("state", ["Ready", "Running"])
async def test_an_init_error_after_init(port: ExtensionsPort, state: str) -> None:
    """Refused: that is what exit/error is for, which is accepted."""
    _, identity = await port.parked()
    if state == "Running":
        port.extensions.invoke(invoke_event(invocation(), 5))
    other = await port.connect()
    answer = await other.request("POST", INIT_ERROR, b"{}", identity + ERROR_TYPE)
    assert refused(answer) == wrong_state(state, "InitError")
    assert port.owner.failures == []
    assert (await other.request("POST", EXIT_ERROR, b"{}", identity + ERROR_TYPE)).status == 202
    assert port.owner.failures == [("watcher", "Extension.ExitError", "Extension.Oops")]


MISSING = ("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
INVALID = ("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
UNKNOWN_CALLER = ("Extension.UnknownExtensionIdentifier", f"Unknown extension {STRANGER}")
UNKNOWN_REPORTER = ("Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier")
NO_TYPE = ("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("identifier", "refusals"),
    [
        (None, {"GET": MISSING, "POST": MISSING}),
        ("", {"GET": MISSING, "POST": MISSING}),
        ("no-uuid", {"GET": INVALID, "POST": INVALID}),
        (STRANGER, {"GET": UNKNOWN_CALLER, "POST": NO_TYPE}),
    ],
    ids=["none", "empty", "no uuid", "stranger"],
)
async def test_who_does_not_say_who_it_is(
    port: ExtensionsPort, client: FakeRuntime, method: str, identifier: str | None, refusals: dict[str, tuple[str, str]]
) -> None:
    """The identifier is checked first, then the error's type, then whether anybody has that identifier."""
    headers = "" if identifier is None else f"Lambda-Extension-Identifier: {identifier}\r\n"
    for path in (NEXT,) if method == "GET" else (INIT_ERROR, EXIT_ERROR):
        assert refused(await client.request(method, path, headers=headers)) == refusals[method]
        if refusals[method] == NO_TYPE:
            assert refused(await client.request(method, path, headers=headers + ERROR_TYPE)) == UNKNOWN_REPORTER
    assert port.owner.failures == []


# the wire


@pytest.mark.parametrize("path", ["", "register/", "event", "event/next/x", "init/error/", "exit", "%72egister"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path(client: FakeRuntime, method: str, path: str) -> None:
    """404 in plain text."""
    answer = await client.request(method, PREFIX + path)
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", REGISTER, "POST"),
        ("PUT", REGISTER, "POST"),
        ("POST", NEXT, "GET"),
        ("GET", INIT_ERROR, "POST"),
        ("DELETE", EXIT_ERROR, "POST"),
    ],
)
async def test_a_wrong_method(client: FakeRuntime, method: str, path: str, allow: str) -> None:
    """405, which is allowed, and no body."""
    answer = await client.request(method, path)
    assert (answer.status, answer.headers, answer.body) == (405, {"allow": allow, "content-length": "0"}, b"")


async def test_a_query_is_overlooked(client: FakeRuntime) -> None:
    """The path is what counts."""
    answer = await client.request("POST", f"{REGISTER}?a=1", BOTH, "Lambda-Extension-Name: watcher\r\n")
    assert answer.status == 200


async def test_a_registration_that_ends_early(port: ExtensionsPort, client: FakeRuntime) -> None:
    """What would be a whole body if one did not count is refused."""
    client.send(
        f"POST {REGISTER} HTTP/1.1\r\nLambda-Extension-Name: watcher\r\nContent-Length: 99\r\n\r\n{{}}".encode()
    )
    client.send_eof()
    assert refused(await client.answer()) == ("InvalidRequestFormat", "unexpected end of the body")
    assert port.watcher.state is ExtensionState.STARTED


async def test_a_registration_that_is_huge(port: ExtensionsPort, client: FakeRuntime) -> None:
    """413, and it has not happened."""
    answer = await register(client, "watcher", b" " * (RESPONSE_LIMIT_BYTES + 1))
    assert (answer.status, port.watcher.state) == (413, ExtensionState.STARTED)


async def test_a_registration_in_chunks(port: ExtensionsPort, client: FakeRuntime) -> None:
    """As some clients send it."""
    head = f"POST {REGISTER} HTTP/1.1\r\nLambda-Extension-Name: watcher\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head.encode() + b"2\r\n{}\r\n0\r\n\r\n")
    assert (await client.answer()).status == 200
    assert port.watcher.events == frozenset()


# beside a runtime


async def test_an_extensions_connection_is_not_the_runtimes(port: ExtensionsPort) -> None:
    """Whether the runtime has left is not a question of who else is there."""
    await port.parked()
    await asyncio.wait_for(port.endpoint.wait_until_disconnected(), 10)


async def test_a_runtime_may_share_a_connection_with_its_internal_extension(port: ExtensionsPort) -> None:
    """It counts as the runtime's when that spoke last."""
    client, _ = await port.registered("inside", b"{}")
    assert (await client.request("GET", "/2018-06-01/ping")).status == 200
    gone = asyncio.ensure_future(port.endpoint.wait_until_disconnected())
    await asyncio.sleep(0)
    assert not gone.done()
    assert (await register(client, "another", b"{}")).status == 200
    await asyncio.wait_for(gone, 10)
