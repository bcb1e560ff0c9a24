"""A small, correct server, every step of it a method: a mutant overrides one. It runs in the loop of the test that judges it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import struct
import time
import uuid
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import unquote

from runtime_api.conformance.runtime_stage.record import Process
from runtime_api.conformance.server_stage.function_folder import fill_folder
from runtime_api.conformance.server_stage.switchboard import Switchboard
from runtime_api.conformance.server_stage.target import Place

MUTANTS: dict[str, list[Callable[[], Server]]] = {}
LIMIT = 6 * 1024 * 1024 + 100
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
UNHANDLED = ("X-Amz-Function-Error", "Unhandled")
ROUTES = {
    ("runtime", "invocation", "next"): "GET",
    ("runtime", "invocation", "*", "response"): "POST",
    ("runtime", "invocation", "*", "error"): "POST",
    ("runtime", "init", "error"): "POST",
    ("extension", "register"): "POST",
    ("extension", "event", "next"): "GET",
    ("extension", "init", "error"): "POST",
    ("extension", "exit", "error"): "POST",
    ("telemetry",): "PUT",
}


@dataclass(frozen=True)
class Reply:
    """An answer that is about to leave."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str:
        """The value of a header; empty when there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def without(self, name: str) -> Reply:
        """The same without a header."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0] != name))

    def having(self, name: str, value: str) -> Reply:
        """The same with a header of another value."""
        return replace(self, headers=(*self.without(name).headers, (name, value)))

    def encode(self) -> bytes:
        """The bytes of it."""
        fields = [*self.headers, ("Content-Length", str(len(self.body)))]
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"HTTP/1.1 {self.status} Told\r\n{head}\r\n".encode("latin-1") + self.body


def refused(status: int, error_type: str, message: str = "refused") -> Reply:
    """The Runtime API's way to refuse."""
    return Reply(status, json.dumps({"errorMessage": message, "errorType": error_type}).encode(), JSON)


def exception(status: int, name: str, **members: str) -> Reply:
    """The Invoke API's way to refuse."""
    return Reply(
        status, json.dumps({"Type": "User", "Message": name, **members}).encode(), (*JSON, ("x-amzn-ErrorType", name))
    )


JSON = (("Content-Type", "application/json"),)
OK = Reply(202, b'{"status":"OK"}\n', JSON)


@dataclass
class Request:
    """A request whose body is still to be read. `is_whole` is known when `pieces` has ended."""

    method: str
    path: str
    headers: dict[str, str]
    reader: asyncio.StreamReader
    trailers: dict[str, str] = field(default_factory=dict)
    is_whole: bool = True
    body: bytes = b""

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes."""
        try:
            if self.headers.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readuntil(b"\r\n"), 16):
                    yield (await self.reader.readexactly(size + 2))[:-2]
                self.trailers = await read_fields(self.reader)
            else:
                left = int(self.headers.get("content-length", 0))
                while left:
                    piece = await self.reader.read(min(left, 1 << 18))
                    if not piece:
                        raise asyncio.IncompleteReadError(b"", left)
                    left -= len(piece)
                    yield piece
        except (asyncio.IncompleteReadError, OSError, ValueError):
            self.is_whole = False

    async def read(self) -> bytes:
        """All of the body, or as much as came."""
        self.body += b"".join([piece async for piece in self.pieces()])
        return self.body


async def read_fields(reader: asyncio.StreamReader) -> dict[str, str]:
    """Headers or trailers, by lower-case name."""
    found = {}
    while line := (await reader.readuntil(b"\r\n"))[:-2].decode("latin-1"):
        name, _, value = line.partition(":")
        found[name.lower()] = value.strip()
    return found


@dataclass(eq=False)
class Invocation:
    """One attempt. `chunks` gets what is streamed, and None at its end."""

    body: bytes
    headers: dict[str, str]
    id: str = ""
    is_streamed: bool = False
    chunks: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    outcome: asyncio.Future[Reply] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    deadline_ms: int = 0
    attempt_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    is_handed: bool = False
    began_s: float = 0.0

    def settle(self, reply: Reply) -> None:
        """The end of it, unless it has one."""
        if not self.outcome.done():
            self.outcome.set_result(reply)
            self.chunks.put_nowait(None)


@dataclass(eq=False)
class Extension:
    """A registered one; `poll` waits for its next event."""

    name: str
    id: str
    poll: asyncio.Future[Reply] | None = None
    missed: list[Reply] = field(default_factory=list)


class Server:
    """All of it; `serve` makes it a target of the suite, for one scenario."""

    function = "function"
    features: frozenset[str] = frozenset()
    host = "127.0.0.1"
    retries = 2

    def __init__(self) -> None:
        self.record = Process()
        self.switchboard = Switchboard()
        self.sandboxes: list[Sandbox] = []
        self.limit = 100
        self.tasks: set[asyncio.Task[Any]] = set()
        self.listeners: list[asyncio.Server] = []
        self.writers: list[asyncio.StreamWriter] = []

    # the suite's side

    async def serve(self, place: Place) -> Server:
        """Open it."""
        self.timeout_s = float(place.timeout_s or 3)
        self.limit = 1 if place.feature == "reserved-concurrency" else 100
        await self.switchboard.open()
        self.task_root = fill_folder(place.folder / "task", self.switchboard.address)
        self.port = await self.listen(self.front)
        return self

    async def end(self) -> None:
        """Close it."""
        self.switchboard.close()
        started = [sandbox for sandbox in self.sandboxes if sandbox.starting is not None]
        await asyncio.gather(*(sandbox.starting for sandbox in started if sandbox.starting), return_exceptions=True)
        for sandbox in started:
            sandbox.kill()
        for listener in self.listeners:
            listener.close()
        await asyncio.gather(*(sandbox.process.wait() for sandbox in started if sandbox.process))
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for writer in self.writers:
            writer.transport.abort()

    def spawn(self, work: Any) -> asyncio.Task[Any]:  # noqa: ANN401
        """Run something beside."""
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    # HTTP

    async def listen(self, respond: Callable[[Request, asyncio.StreamWriter], Any]) -> int:
        """Answer requests on a new port."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.writers.append(writer)
            task = self.spawn(self.converse(reader, writer, respond))
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])

        listener = await asyncio.start_server(serve, self.host, 0)
        self.listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Any) -> None:  # noqa: ANN401
        """One connection."""
        try:
            while request := await self.read_head(reader, writer):
                reply = await respond(request, writer)
                if isinstance(reply, Reply):
                    writer.write(reply.encode())
                await writer.drain()
                if not request.is_whole:
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def read_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
        """The next request's head."""
        line = (await reader.readuntil(b"\r\n")).decode("latin-1").split()
        request = Request(line[0], line[1], await read_fields(reader), reader)
        if request.headers.get("expect"):
            await self.expected(writer)
        return request

    async def expected(self, writer: asyncio.StreamWriter) -> None:
        """Somebody expects a 100."""
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def shape(self, call: str, reply: Reply) -> Reply:
        """Any reply before it leaves."""
        return reply

    # callers

    async def front(self, request: Request, writer: asyncio.StreamWriter) -> Reply | None:
        """The Invoke API."""
        body = await request.read()
        words = request.path.strip("/").split("/")
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if unquote(words[2]) != self.function:
            return self.shape("unknown function", exception(404, "ResourceNotFoundException"))
        if not is_json(body):
            call = "event no json" if kind == "Event" else "no json"
            return self.shape(call, exception(400, "InvalidRequestContentException"))
        if kind == "DryRun":
            return self.shape("dry run", Reply(204))
        if words[3] == "response-streaming-invocations":
            await self.stream(Invocation(body, request.headers, is_streamed=True), writer)
            return None
        invocation = Invocation(body, request.headers)
        if kind == "Event":
            return await self.accept(invocation)
        return self.shape("invoke", await self.run(invocation))

    async def accept(self, invocation: Invocation) -> Reply:
        """An event for later."""
        if len(invocation.body) > 1024 * 1024:
            return self.shape("event too large", exception(413, "RequestTooLargeException"))
        invocation.id = str(uuid.uuid4())
        self.spawn(self.attempt(invocation))
        return self.shape("event", Reply(202, b"", (("x-amzn-RequestId", invocation.id),)))

    async def attempt(self, event: Invocation) -> None:
        """Try, and try again."""
        for number in range(self.retries + 1):
            reply = await self.run(Invocation(self.event_body(event.body), event.headers, self.event_id(event.id)))
            if self.is_done(reply):
                return
            await asyncio.sleep(0.02 * number)

    def is_done(self, reply: Reply) -> bool:
        """Whether an event needs no other attempt."""
        return not reply.header(UNHANDLED[0])

    def event_id(self, id: str) -> str:  # noqa: A002
        """The id of an attempt."""
        return id

    def event_body(self, body: bytes) -> bytes:
        """The payload of an attempt."""
        return body

    async def run(self, invocation: Invocation) -> Reply:
        """Find a sandbox, and let it run there."""
        invocation.id = invocation.id or self.new_id()
        if self.is_full():
            reason = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}
            return self.shape("throttled", exception(429, "TooManyRequestsException", **reason))
        sandbox = self.pick()
        sandbox.current = invocation
        reply = await sandbox.run(invocation)
        headers = [("x-amzn-RequestId", invocation.id), ("X-Amz-Executed-Version", "$LATEST")]
        if invocation.headers.get("x-amz-log-type") == "Tail":
            await asyncio.sleep(0.02)
            headers.append(("X-Amz-Log-Result", base64.b64encode(sandbox.log[-4096:]).decode()))
        return replace(reply, headers=(*reply.headers, *headers))

    def is_full(self) -> bool:
        """Whether no more may run."""
        return sum(sandbox.current is not None for sandbox in self.sandboxes) >= self.limit

    def pick(self) -> Sandbox:
        """A sandbox that is free, or a new one."""
        free = [sandbox for sandbox in self.sandboxes if sandbox.current is None and not sandbox.is_over]
        return free[0] if free else self.new_sandbox()

    def new_sandbox(self) -> Sandbox:
        """One more."""
        sandbox = Sandbox(self)
        self.sandboxes.append(sandbox)
        return sandbox

    def new_id(self) -> str:
        """The id of an invocation."""
        return str(uuid.uuid4())

    # streams

    async def stream(self, invocation: Invocation, writer: asyncio.StreamWriter) -> None:
        """Answer with an event stream."""
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        running = self.spawn(self.run(invocation))
        streamed = False
        while (piece := await invocation.chunks.get()) is not None:
            streamed = True
            await self.send_piece(writer, piece)
        reply = await running
        for piece in self.rest_of_stream(reply, streamed):
            await self.send_piece(writer, piece)
        frame = self.frame("InvokeComplete", json.dumps(self.completion(reply, streamed)).encode())
        writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(frame), frame))

    async def send_piece(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        """One chunk for the caller."""
        frame = self.frame("PayloadChunk", piece)
        writer.write(b"%x\r\n%b\r\n" % (len(frame), frame))

    def rest_of_stream(self, reply: Reply, streamed: bool) -> list[bytes]:
        """What was not streamed, but answered in one piece."""
        return [] if streamed or reply.header(UNHANDLED[0]) else [reply.body]

    def completion(self, reply: Reply, streamed: bool) -> dict[str, str]:
        """What InvokeComplete says."""
        return {"ErrorCode": "Unhandled"} if reply.header(UNHANDLED[0]) else {}

    def frame(self, kind: str, payload: bytes) -> bytes:
        """One message of the event stream."""
        headers = b"".join(
            bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
            for name, value in ((b":event-type", kind.encode()), (b":message-type", b"event"))
        )
        start = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
        message = start + struct.pack(">I", zlib.crc32(start)) + headers + payload
        return message + struct.pack(">I", self.checksum(message))

    def checksum(self, message: bytes) -> int:
        """The last four bytes of a message."""
        return zlib.crc32(message)


class Sandbox:
    """One execution environment."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.current: Invocation | None = None
        self.answered: list[str] = []
        self.poll: asyncio.Future[Reply] | None = None
        self.extensions: dict[str, Extension] = {}
        self.subscribers: list[tuple[int, list[str]]] = []
        self.events: list[dict[str, Any]] = []
        self.log = b""
        self.is_over = self.has_polled = False
        self.init_error: Reply | None = None
        self.starting: asyncio.Future[None] | None = None
        self.process: asyncio.subprocess.Process | None = None
        self.stream_name = f"2026/11/21/[$LATEST]{uuid.uuid4().hex}"

    async def run(self, invocation: Invocation) -> Reply:
        """Start if need be, hand out the event, and wait for what becomes of it."""
        if self.starting is None:
            self.starting = asyncio.ensure_future(self.start())
        await asyncio.shield(self.starting)
        if self.init_error is not None:
            invocation.settle(self.init_error)
        self.maybe_hand_out()
        reply = await invocation.outcome
        if self.current is invocation:
            self.current = None
        return reply

    async def start(self) -> None:
        """Start the function."""
        port = await self.server.listen(self.api)
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": self.server.function,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.stream_name,
        }
        self.emit("platform.initStart", {"phase": "init"})
        self.process = await asyncio.create_subprocess_exec(
            str(self.server.task_root / "bootstrap"), env=environment, stdout=asyncio.subprocess.PIPE
        )
        self.server.spawn(self.watch(self.process))

    async def watch(self, process: asyncio.subprocess.Process) -> None:
        """Read what is printed, until the end."""
        assert process.stdout is not None
        while line := await process.stdout.readline():
            self.log += line
            self.emit("function", line.decode().rstrip("\n"))
        status = await process.wait()
        self.is_over = True
        if self.current is not None:
            self.exited(self.current, status)

    def exited(self, invocation: Invocation, status: int) -> None:
        """The runtime ended in the middle of one."""
        message = f"RequestId: {invocation.id} Error: Runtime exited with error: exit status {status}"
        invocation.settle(self.error_of("Runtime.ExitError", message))

    def error_of(self, error_type: str, message: str) -> Reply:
        """What a caller is told when there is nothing from the function."""
        return Reply(200, json.dumps({"errorType": error_type, "errorMessage": message}).encode(), (*JSON, UNHANDLED))

    def kill(self) -> None:
        """End the process."""
        self.is_over = True
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Its own kill would look whether it has ended, and take the status from whoever waits for it.
                os.kill(self.process.pid, signal.SIGKILL)

    # the APIs at its endpoint

    async def api(self, request: Request, writer: asyncio.StreamWriter) -> Reply | None:
        """Any call."""
        words = tuple(request.path.strip("/").split("/")[1:])
        pattern = tuple(
            "*" if index == 2 and words[:2] == ("runtime", "invocation") and len(words) == 4 else word
            for index, word in enumerate(words)
        )
        method = ROUTES.get(pattern)
        if method is None:
            await request.read()
            return self.server.shape("unknown path", Reply(404, b"404 page not found\n"))
        if method != request.method:
            await request.read()
            return self.server.shape("method", Reply(405, b"", (("Allow", method),)))
        name = "/".join(pattern)
        if name.endswith("*/response"):
            return self.server.shape("response", await self.respond(words[2], request))
        await request.read()
        calls: dict[str, Callable[[], Any]] = {
            "runtime/invocation/next": lambda: self.next(request),
            "runtime/invocation/*/error": lambda: self.fail(words[2], request),
            "runtime/init/error": lambda: self.init_fail(request),
            "extension/register": lambda: self.register(request),
            "extension/event/next": lambda: self.event_next(request),
            "telemetry": lambda: self.subscribe(request),
        }
        reply = calls.get(name, lambda: self.extension_error(request))()
        return self.server.shape(name, await reply if asyncio.iscoroutine(reply) else reply)

    async def next(self, request: Request) -> Reply:
        """A poll."""
        if self.init_error is not None:
            return refused(403, "InvalidStateTransition")
        if self.current is not None and self.current.is_handed:
            return self.again(self.current)
        self.has_polled = True
        poll: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.poll = poll
        self.maybe_hand_out()
        return await self.parked(poll, request)

    def again(self, invocation: Invocation) -> Reply:
        """A poll by a runtime that has an event."""
        return self.event(invocation)

    async def parked(self, poll: asyncio.Future[Reply], request: Request) -> Reply:
        """A poll that waits, as long as somebody waits for it."""
        gone = asyncio.ensure_future(request.reader.read(1))
        try:
            either: set[asyncio.Future[Any]] = {poll, gone}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not poll.done():
                self.lost(poll)
                raise ConnectionResetError
            return poll.result()
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    def lost(self, poll: asyncio.Future[Reply]) -> None:
        """Nobody waits any more."""
        self.poll = None if self.poll is poll else self.poll

    @property
    def is_ready(self) -> bool:
        """Whether the runtime and every extension wait."""
        return self.poll is not None and all(one.poll is not None for one in self.extensions.values())

    def maybe_hand_out(self) -> None:
        """Give the event to those who wait for it, if all do."""
        if self.current is None or self.current.is_handed or not self.is_ready:
            return
        assert self.poll is not None
        if not self.answered and not any(event["type"] == "platform.initReport" for event in self.events):
            self.emit("platform.initRuntimeDone", {"phase": "init", "status": "success"})
            self.emit("platform.initReport", {"phase": "init", "status": "success", "metrics": {"durationMs": 1.0}})
        invocation, poll, self.poll = self.current, self.poll, None
        invocation.is_handed = True
        invocation.began_s = time.monotonic()
        invocation.deadline_ms = round((time.time() + self.server.timeout_s) * 1000)
        asyncio.get_running_loop().call_later(self.server.timeout_s, self.time_out, invocation)
        self.emit("platform.start", {"requestId": invocation.id, "version": "$LATEST"})
        poll.set_result(self.event(invocation))
        for one in self.extensions.values():
            waiting, one.poll = one.poll, None
            if waiting is None:
                one.missed.append(self.extension_event(invocation))
            else:
                waiting.set_result(self.extension_event(invocation))

    def event(self, invocation: Invocation) -> Reply:
        """The answer to a poll."""
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": ARN + self.server.function,
            "Lambda-Runtime-Invocation-Id": invocation.attempt_id,
            "Lambda-Runtime-Trace-Id": invocation.headers.get("x-amzn-trace-id", ""),
            "Lambda-Runtime-Client-Context": base64.b64decode(
                invocation.headers.get("x-amz-client-context", "")
            ).decode("latin-1"),
            "Lambda-Runtime-Aws-Tenant-Id": invocation.headers.get("x-amz-tenant-id", ""),
        }
        return Reply(200, invocation.body, tuple((name, value) for name, value in headers.items() if value))

    def time_out(self, invocation: Invocation) -> None:
        """The deadline is here."""
        if not invocation.outcome.done():
            self.kill()
            message = f"RequestId: {invocation.id} Error: Task timed out after {self.server.timeout_s:.2f} seconds"
            invocation.settle(self.error_of("Sandbox.Timedout", message))

    def complaint(self, id: str, headers: dict[str, str]) -> Reply | None:  # noqa: A002
        """What is wrong with an answer to an invocation, if anything is."""
        if self.current is None and id in self.answered:
            return refused(403, "InvalidStateTransition")
        if self.current is None or not self.current.is_handed or self.current.id != id:
            return refused(400, "InvalidRequestID")
        echoed = headers.get("lambda-runtime-invocation-id", self.current.attempt_id)
        return None if echoed == self.current.attempt_id else refused(400, "InvalidRequestID")

    async def respond(self, id: str, request: Request) -> Reply:  # noqa: A002
        """A result."""
        wrong = self.complaint(id, request.headers)
        mode = request.headers.get("lambda-runtime-function-response-mode", "")
        if wrong or mode not in ("", "streaming"):
            await request.read()
            return wrong or self.odd_mode()
        invocation = self.current
        assert invocation is not None
        size, body = 0, b""
        async for piece in request.pieces():
            size += len(piece)
            body += piece
            if mode and invocation.is_streamed:
                invocation.chunks.put_nowait(piece)
        if not request.is_whole:
            return self.truncated(invocation, body)
        return self.take(invocation, body, request)

    def truncated(self, invocation: Invocation, body: bytes) -> Reply:
        """Half a result."""
        self.settle(invocation, self.error_of("Runtime.TruncatedResponse", "truncated"))
        return refused(400, "TruncatedHTTPRequest")

    def odd_mode(self) -> Reply:
        """A response mode that does not exist."""
        return refused(400, "InvalidFunctionResponseMode")

    def take(self, invocation: Invocation, body: bytes, request: Request) -> Reply:
        """A whole result."""
        if len(body) > LIMIT:
            self.settle(invocation, self.error_of("Function.ResponseSizeTooLarge", "too large"))
            return refused(413, "RequestEntityTooLarge")
        failed = (UNHANDLED,) if request.trailers.get("lambda-runtime-function-error-type") else ()
        self.settle(invocation, Reply(200, body, (*JSON, *failed)))
        return OK

    def settle(self, invocation: Invocation, reply: Reply) -> None:
        """The end of an invocation."""
        invocation.settle(reply)
        self.answered.append(invocation.id)
        self.current = None
        self.report(invocation, "error" if reply.header(UNHANDLED[0]) else "success")

    def report(self, invocation: Invocation, status: str) -> None:
        """The last two platform events of it."""
        took_ms = (time.monotonic() - invocation.began_s) * 1000
        metrics = {"durationMs": took_ms, "billedDurationMs": 1, "memorySizeMB": 128, "maxMemoryUsedMB": 20}
        self.emit("platform.runtimeDone", {"requestId": invocation.id, "status": status})
        self.emit("platform.report", {"requestId": invocation.id, "status": status, "metrics": metrics})

    def fail(self, id: str, request: Request) -> Reply:  # noqa: A002
        """An error."""
        wrong = self.complaint(id, request.headers)
        if wrong:
            return wrong
        assert self.current is not None
        self.settle(self.current, Reply(200, request.body, (*JSON, UNHANDLED)))
        return OK

    def init_fail(self, request: Request) -> Reply:
        """An error of initialisation."""
        if self.has_polled or self.init_error is not None:
            return refused(403, "InvalidStateTransition")
        self.init_error = Reply(200, request.body, (*JSON, UNHANDLED))
        self.is_over = True
        if self.current is not None:
            self.current.settle(self.surfaced(self.init_error))
        return OK

    def surfaced(self, reply: Reply) -> Reply:
        """What the caller gets of it."""
        return reply

    # extensions

    def register(self, request: Request) -> Reply:
        """A registration."""
        name = request.headers.get("lambda-extension-name", "")
        wrong = self.registration_fault(name, request.body)
        if wrong:
            return refused(403, wrong)
        one = Extension(name, str(uuid.uuid4()))
        self.extensions[one.id] = one
        told = {"functionName": self.server.function, "functionVersion": "$LATEST", "handler": "app.handler"}
        if "accountId" in request.headers.get("lambda-extension-accept-feature", ""):
            told["accountId"] = "123456789012"
        return Reply(200, json.dumps(told).encode(), (*JSON, ("Lambda-Extension-Identifier", one.id)))

    def registration_fault(self, name: str, body: bytes) -> str:
        """The error type of a registration that cannot be."""
        if not is_json(body):
            return "InvalidRequestFormat"
        events = json.loads(body)["events"]
        faults = {
            "Extension.InvalidExtensionName": not name,
            "Extension.RegistrationClosed": self.current is None or self.current.is_handed,
            "Extension.InvalidExtensionState": name in {one.name for one in self.extensions.values()},
            "Extension.TooManyExtensions": len(self.extensions) >= 10,
            "Extension.InvalidEventType": bool(set(events) - {"INVOKE"}),
        }
        return next((error_type for error_type, holds in faults.items() if holds), "")

    def who(self, request: Request) -> Extension | Reply:
        """The extension that calls, or a refusal."""
        given = request.headers.get("lambda-extension-identifier")
        if given is None:
            return refused(403, "Extension.MissingExtensionIdentifier")
        try:
            uuid.UUID(given)
        except ValueError:
            return refused(403, "Extension.InvalidExtensionIdentifier")
        return self.extensions.get(given) or refused(403, "Extension.UnknownExtensionIdentifier")

    async def event_next(self, request: Request) -> Reply:
        """An extension's poll."""
        one = self.who(request)
        if isinstance(one, Reply):
            return one
        if one.missed:
            return one.missed.pop()
        poll: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        one.poll = poll
        self.maybe_hand_out()
        return await poll

    def extension_event(self, invocation: Invocation) -> Reply:
        """What an extension gets."""
        value: dict[str, Any] = {
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.id,
            "invokedFunctionArn": ARN + self.server.function,
        }
        if trace := invocation.headers.get("x-amzn-trace-id"):
            value["tracing"] = {"type": "X-Amzn-Trace-Id", "value": trace}
        return Reply(200, json.dumps(value).encode(), (*JSON, ("Lambda-Extension-Event-Identifier", str(uuid.uuid4()))))

    def extension_error(self, request: Request) -> Reply:
        """An extension cannot go on."""
        one = self.who(request)
        if isinstance(one, Reply):
            return one
        named = request.headers.get("lambda-extension-function-error-type")
        return OK if named else refused(403, "Extension.MissingHeader")

    # telemetry

    def subscribe(self, request: Request) -> Reply:
        """A subscription."""
        one = self.who(request)
        if isinstance(one, Reply):
            return one
        if self.current is None or self.current.is_handed or self.answered:
            return refused(403, "Telemetry.SubscriptionClosed")
        wanted = json.loads(request.body)
        host, _, port = wanted["destination"]["URI"].removeprefix("http://").partition("/")[0].partition(":")
        bounds = wanted["buffering"].get("timeoutMs", 1000) >= 25
        if (
            host != "sandbox.localdomain"
            or not set(wanted["types"]) <= {"platform", "function", "extension"}
            or not bounds
        ):
            return refused(400, "ValidationError")
        self.subscribers.append((int(port), wanted["types"]))
        for event in self.events:
            self.deliver(event, *self.subscribers[-1])
        self.emit("platform.telemetrySubscription", {"name": one.name, "state": "Subscribed", "types": wanted["types"]})
        return Reply(200, b'"OK"', JSON)

    def emit(self, kind: str, record: Any) -> None:  # noqa: ANN401
        """Something happened."""
        event = {"time": self.now(), "type": kind, "record": record}
        self.events.append(event)
        for port, types in self.subscribers:
            self.deliver(event, port, types)

    def now(self) -> str:
        """The time as telemetry tells it."""
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())

    def deliver(self, event: dict[str, Any], port: int, types: list[str]) -> None:
        """Tell a subscriber, if it wants to know; in order, on one connection."""
        if self.is_wanted(event, types):
            queues = self.__dict__.setdefault("queues", {})
            if port not in queues:
                queues[port] = asyncio.Queue()
                self.server.spawn(self.post_all(port, queues[port]))
            queues[port].put_nowait(self.batch(event))

    def is_wanted(self, event: dict[str, Any], types: list[str]) -> bool:
        """Whether it is of a type that was asked for."""
        return event["type"].partition(".")[0] in types

    def batch(self, event: dict[str, Any]) -> bytes:
        """The body of a delivery."""
        return json.dumps([event]).encode()

    async def post_all(self, port: int, queue: asyncio.Queue[bytes]) -> None:
        """One subscriber's deliveries."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                body = await queue.get()
                writer.write(b"POST / HTTP/1.1\r\nHost: s\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def is_json(body: bytes) -> bool:
    """Whether it is."""
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


Kind = TypeVar("Kind", bound="type[Server] | type[Sandbox]")


def mutant(case_id: str) -> Callable[[Kind], Kind]:
    """Make a server, or a server of such sandboxes, one that fails a case."""

    def declare(kind: Kind) -> Kind:
        server = kind if issubclass(kind, Server) else server_of(kind)
        MUTANTS.setdefault(case_id, []).append(server)
        return kind

    return declare


def server_of(kind: type[Sandbox]) -> type[Server]:
    """A server of such sandboxes."""
    return type(kind.__name__, (Server,), {"new_sandbox": _making(kind)})


def _making(kind: type[Sandbox]) -> Callable[[Server], Sandbox]:
    def new_sandbox(self: Server) -> Sandbox:
        self.sandboxes.append(kind(self))
        return self.sandboxes[-1]

    return new_sandbox


def reshaped(case_id: str, call: str, change: Callable[[Reply], Reply]) -> None:
    """Make the server that changes one kind of reply one that fails a case."""

    def shape(self: Server, name: str, reply: Reply) -> Reply:
        return change(reply) if name == call else reply

    mutant(case_id)(type(f"Reshapes{call.title()}", (Server,), {"shape": shape}))
