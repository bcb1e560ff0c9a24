"""What a subscriber of the Telemetry API costs: the server's processor time for a call, with one and without.

Strategy: two servers with the same function and the same extension are called in turns, in blocks; in one of them the extension
subscribes, and takes every event over HTTP. Counted is the server alone, without sandboxes and callers; all blocks together, for the
system counts in hundredths of a second.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path
from statistics import fmean

from benchmarks.bootstrap.runtimes import TASK_ROOT
from benchmarks.load import OneCaller
from benchmarks.report import Figure, Result
from benchmarks.servers import Server, pilotlight

EXTENSION = """
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.request import Request, urlopen

class Listener(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass

def call(method, path, body, headers):
    data = None if body is None else json.dumps(body).encode()
    return urlopen(Request(f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}{path}", data, headers, method=method))

server = HTTPServer(("127.0.0.1", 0), Listener)
Thread(target=server.serve_forever, daemon=True).start()
name = os.path.basename(__file__)
registered = call("POST", "/2020-01-01/extension/register", {"events": []}, {"Lambda-Extension-Name": name})
me = {"Lambda-Extension-Identifier": registered.headers["Lambda-Extension-Identifier"]}
destination = {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.server_port}"}
types = ["platform", "function", "extension"]
if "SUBSCRIBE" in os.environ:
    call("PUT", "/2022-07-01/telemetry", {"schemaVersion": "2025-01-29", "types": types, "destination": destination}, me)
call("GET", "/2020-01-01/extension/event/next", None, me)
"""


def run(blocks: int = 15, calls: int = 1000) -> Result:
    """Measure so many blocks of calls of each."""
    alone, watched = _measure(blocks, calls)
    return Result(
        "sandbox-subscriber",
        f"{blocks} blocks of {calls} calls of each, in turns",
        [
            Figure("server CPU a call, with a subscriber / without", fmean(watched) / fmean(alone), "", "<=", 1.1),
            Figure("without a subscriber", fmean(alone), "us"),
            Figure("with a subscriber", fmean(watched), "us"),
        ],
    )


def _measure(blocks: int, calls: int) -> tuple[list[float], list[float]]:
    with contextlib.ExitStack() as stack:
        layer = stack.enter_context(tempfile.TemporaryDirectory())
        _write_extension(Path(layer, "extensions", "subscriber"))
        options = ("--layer", layer, "--concurrency", "1", "--timeout", "20")
        servers = [
            stack.enter_context(pilotlight(TASK_ROOT, *options)),
            stack.enter_context(pilotlight(TASK_ROOT, *options, "--env", "SUBSCRIBE=1")),
        ]
        for server in servers:
            _block(server, calls)
        samples = [[_block(server, calls) for server in servers] for _ in range(blocks)]
    return [alone for alone, _ in samples], [watched for _, watched in samples]


def _write_extension(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\n{EXTENSION}")
    path.chmod(0o755)


def _block(server: Server, calls: int) -> float:
    """Microseconds of processor time for each call."""
    caller = OneCaller(server.port, server.path, b"{}")
    began = server.cpu_seconds()
    for _ in range(calls):
        caller.call()
    took = server.cpu_seconds() - began
    caller.close()
    return took / calls * 1e6
