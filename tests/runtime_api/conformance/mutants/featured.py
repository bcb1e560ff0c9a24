"""The reference runtime with everything a runtime may claim: streams, snapshots, several invocations at once, a log in JSON."""

import json
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Iterable
from copy import copy
from threading import Thread
from types import SimpleNamespace
from typing import Any

from .reference import Handler, Response, Runtime, Wire

Hook = tuple[Callable[..., object], tuple[object, ...]]
_GENERATOR = 0x20


class FeaturedRuntime(Runtime):
    """Every step is a method here, too."""

    request_id = ""

    def load(self) -> Handler:
        """Load the function; it may ask for a log, for hooks and for HTTP streams."""
        self.before: list[Hook] = []
        self.after: list[Hook] = []
        if os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON":
            self.log_json()
        modules: dict[str, Any] = sys.modules
        modules["bootstrap"] = SimpleNamespace(http_stream=http_stream)
        modules["snapshot_restore_py"] = SimpleNamespace(
            register_before_snapshot=lambda hook, *given: self.before.append((hook, given)),
            register_after_restore=lambda hook, *given: self.after.append((hook, given)),
        )
        handler = super().load()
        if self.makes_snapshot():
            self.pass_snapshot()
        return handler

    # snapshots

    def makes_snapshot(self) -> bool:
        """Whether a snapshot is taken once the function is loaded."""
        return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"

    def pass_snapshot(self) -> None:
        """Run the hooks before it, wait for the restore, run those after it."""
        self.run_hooks(reversed(self.before))
        self.request("GET", "/runtime/restore/next")
        try:
            self.run_hooks(self.after)
        except Exception as error:  # whatever the function does
            self.restore_failed(error)
            sys.exit(1)

    def run_hooks(self, hooks: Iterable[Hook]) -> None:
        """Call what the function registered."""
        for hook, given in hooks:
            hook(*given)

    def restore_failed(self, error: Exception) -> None:
        """Report that a hook after the restore failed."""
        self.request("POST", "/runtime/restore/error", self.init_error_headers(error), self.error_body(error))

    # several at once

    def limit(self) -> int:
        """How many events it may work on at once."""
        return int(os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", 1))

    def work(self, handler: Handler) -> None:
        """Serve events, in as many threads as there may be."""
        for _ in range(self.limit() - 1):
            worker = copy(self)
            worker.wire = Wire(self.address())
            Thread(target=worker.work_alone, args=[handler], daemon=True).start()
        self.work_alone(handler)

    def work_alone(self, handler: Handler) -> None:
        """Serve one event after the other."""
        super().work(handler)

    def set_trace(self, trace_id: str) -> None:
        """Threads have one environment, so it is left alone where there are several."""
        if self.limit() == 1:
            super().set_trace(trace_id)

    # streams

    def invoke(self, handler: Handler, event: Response) -> None:
        """Call the handler; what a generator yields is streamed."""
        self.request_id = event.headers["lambda-runtime-aws-request-id"]
        code = getattr(handler, "__code__", None)
        if code and code.co_flags & _GENERATOR:
            self.stream(handler, event)
        else:
            super().invoke(handler, event)

    def stream(self, handler: Handler, event: Response) -> None:
        """Send each piece as it comes; the first begins the answer."""
        has_begun = False
        trailers = {}
        try:
            for piece in self.call(handler, event):
                if not has_begun:
                    self.begin_stream(event, getattr(handler, "http_head", None))
                has_begun = True
                self.send_chunk(piece.encode())
        except Exception as error:  # whatever the function does
            if not has_begun:
                self.post_error(event, error)
                return
            trailers = self.error_trailers(error)
        self.end_stream(trailers)

    def begin_stream(self, event: Response, http_head: object) -> None:
        """Send the head of the answer, and that of an HTTP answer."""
        headers = self.stream_headers(http_head)
        self.wire.send("POST", f"/{self.version}{self.path_of(event, 'response')}", headers, b"")
        if http_head:
            self.send_chunk(json.dumps(http_head).encode() + self.http_head_end())

    def stream_headers(self, http_head: object) -> dict[str, str]:
        """The headers of a streamed answer."""
        kind = "vnd.awslambda.http-integration-response" if http_head else "octet-stream"
        return {
            "Content-Type": f"application/{kind}",
            "Lambda-Runtime-Function-Response-Mode": "streaming",
            "Transfer-Encoding": "chunked",
            "Trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
        }

    def http_head_end(self) -> bytes:
        """What is between the head of an HTTP answer and its body."""
        return b"\0" * 8

    def send_chunk(self, data: bytes) -> None:
        """Send a piece at once."""
        self.wire.connect().sendall(b"%x\r\n%b\r\n" % (len(data), data))

    def error_trailers(self, error: Exception) -> dict[str, str]:
        """What tells of an error after the answer has begun."""
        return {
            "Lambda-Runtime-Function-Error-Type": self.type_of(error),
            "Lambda-Runtime-Function-Error-Body": b64encode(self.error_body(error)).decode(),
        }

    def end_stream(self, trailers: dict[str, str]) -> None:
        """End the answer, and hear whether it was taken."""
        fields = "".join(f"{name}: {value}\r\n" for name, value in trailers.items())
        self.wire.connect().sendall(f"0\r\n{fields}\r\n".encode())
        self.posted(self.wire.receive())

    # the log

    def log_json(self) -> None:
        """Make the function's log JSON; imported only here, because it takes its time."""
        import logging

        formatter = logging.Formatter()
        setattr(formatter, "format", lambda record: json.dumps(self.log_record(record)))  # noqa: B010  (mypy)
        shown = logging.StreamHandler(sys.stdout)
        shown.setFormatter(formatter)
        logging.root.addHandler(shown)

    def log_record(self, record: Any) -> dict[str, object]:  # noqa: ANN401  (a LogRecord)
        """What is logged, as an object."""
        return {"level": record.levelname, "message": record.getMessage(), "requestId": self.request_id}


def http_stream(*, status_code: int, headers: dict[str, str]) -> Callable[[Handler], Handler]:
    """Mark a handler whose stream is an HTTP answer."""

    def mark(handler: Handler) -> Handler:
        vars(handler)["http_head"] = {"statusCode": status_code, "headers": headers}
        return handler

    return mark
