"""Real runtimes, each a script of a few lines: the part all share, and functions that run them."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

from runtime_api.protocol.function.function import Function

# Raw sockets and -S: a runtime that is up in 20 ms keeps a suite of hundreds of processes fast.
PRELUDE = """
import os, signal, socket, sys

class Api:
    def __init__(self):
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        self.socket = socket.create_connection((host, int(port)))
        self.received = b""

    def send(self, data):
        self.socket.sendall(data)

    def post(self, path, body=b"", headers=""):
        head = f"POST /2018-06-01/runtime/{path} HTTP/1.1\\r\\nContent-Length: {len(body)}\\r\\n{headers}\\r\\n"
        self.send(head.encode() + body)

    def ask(self):
        self.send(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n")

    def answer(self):
        while b"\\r\\n\\r\\n" not in self.received:
            self.more()
        head, self.received = self.received.split(b"\\r\\n\\r\\n", 1)
        start, *lines = head.decode().split("\\r\\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers.get("content-length", 0))
        while len(self.received) < size:
            self.more()
        body, self.received = self.received[:size], self.received[size:]
        return int(start.split()[1]), headers, body

    def more(self):
        data = self.socket.recv(65536)
        if not data:
            sys.exit(99)
        self.received += data

    def next(self):
        self.ask()
        _, headers, body = self.answer()
        return headers["lambda-runtime-aws-request-id"], body

    def respond(self, request_id, body):
        self.post(f"invocation/{request_id}/response", body)
        return self.answer()

    def fail(self, request_id, body):
        self.post(f"invocation/{request_id}/error", body, "Content-Type: application/json\\r\\n")
        return self.answer()

def say(*words):
    # Not print: a signal's handler may say something while something is being said.
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

"""

# Answers each event with the number of its process.
PIDS = """
    api = Api()
    while True:
        request_id, _ = api.next()
        api.respond(request_id, str(os.getpid()).encode())
    """

ECHO = """
    api = Api()
    while True:
        api.respond(*api.next())
    """


# A part of the runtime, on a connection of its own, in the same process.
INTERNAL = """
    import json
    inner = Api()

    def call(method, path, body="", headers=""):
        head = f"{method} /2020-01-01/extension/{path} HTTP/1.1\\r\\nContent-Length: {len(body)}\\r\\n{headers}\\r\\n"
        inner.send(head.encode() + body.encode())

    call("POST", "register", '{"events":["INVOKE"]}', "Lambda-Extension-Name: inside\\r\\n")
    me = f"Lambda-Extension-Identifier: {inner.answer()[1]['lambda-extension-identifier']}\\r\\n"
    call("GET", "event/next", headers=me)
    """

# What external extensions are made of.
EXTENSION_PRELUDE = """
import json
extension = Api()

def call(method, path, body="", headers=""):
    head = f"{method} /2020-01-01/extension/{path} HTTP/1.1\\r\\nContent-Length: {len(body)}\\r\\n{headers}\\r\\n"
    extension.send(head.encode() + body.encode())

def register(*events, name=os.path.basename(sys.argv[0])):
    global me
    call("POST", "register", json.dumps({"events": events}), f"Lambda-Extension-Name: {name}\\r\\n")
    status, headers, body = extension.answer()
    me = f"Lambda-Extension-Identifier: {headers.get('lambda-extension-identifier')}\\r\\n"
    return status, body

def ask_event():
    call("GET", "event/next", headers=me)

def next_event():
    ask_event()
    return json.loads(extension.answer()[2])

def report(path, kind="Extension.Oops"):
    call("POST", path, "{}", f"{me}Lambda-Extension-Function-Error-Type: {kind}\\r\\n")
    return extension.answer()[0]

def wait_for(name):
    import time
    while not os.path.exists(name):
        time.sleep(0.001)

"""

# Tells of each event it gets, and leaves when it is asked to.
WATCHER = """
    register("INVOKE", "SHUTDOWN")
    while True:
        event = next_event()
        say("watcher:", event["eventType"], event.get("requestId") or event["shutdownReason"])
        if event["eventType"] == "SHUTDOWN":
            break
    """


def external_extension(opt: Path, name: str, script: str, mode: int = 0o755) -> None:
    """Put an extension into the folder that stands for /opt; its script has `register`, `next_event`, `report` and `say`."""
    folder = opt / "extensions"
    folder.mkdir(parents=True, exist_ok=True)
    shebang = f"#!{sys.executable} -IS\n"
    # Renamed when it is whole: a file that is still open for writing anywhere cannot be executed.
    written = opt / f"{name}.new"
    written.write_text(shebang + PRELUDE + EXTENSION_PRELUDE + dedent(script))
    written.chmod(mode)
    written.rename(folder / name)


def script_function(folder: Path, script: str, **options: Any) -> Function:  # noqa: ANN401  (any option of Function)
    """A function whose runtime is `script`, with `Api` and `say` at hand; written into `folder`."""
    (folder / "runtime.py").write_text(PRELUDE + dedent(script))
    command = (sys.executable, "-I", "-S", "runtime.py")
    options = {"name": "scripted", "timeout_ms": 30_000, **options}
    return Function(task_root=str(folder), runtime="command", command=command, **options)
