"""Where what the sandboxes of a platform tell goes: the log to whoever listens and to files, trace segments to a daemon, numbers.

All of it is drawn from each sandbox's stream; who subscribes through the Telemetry API is no business of this file.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from functools import partial

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.function.log_levels import LogLevel
from runtime_api.protocol.log_sink import LogSink
from runtime_api.protocol.metrics import Metrics, serving_of
from runtime_api.telemetry.events import Event
from runtime_api.telemetry.log.files import LogFiles
from runtime_api.telemetry.log.json_log import JsonLog
from runtime_api.telemetry.log.text import text_lines
from runtime_api.telemetry.metrics import SandboxMetrics
from runtime_api.telemetry.stream import Stream
from runtime_api.telemetry.xray import SegmentWriter, TracedFunction, XrayDaemon

_logger = logging.getLogger("pilotlight")
Render = Callable[[Event], bytes]


class Outlets:
    """Those of one platform, open between `open` and `close`.

    `log` is called with a function's name and bytes of its log, `log_folder` gets a file for each log stream, `xray_daemon` is the
    HOST:PORT segments are sent to; with it, every function is traced actively. `metrics` counts.
    """

    def __init__(
        self,
        log: LogSink | None = None,
        *,
        log_folder: str | None = None,
        xray_daemon: str | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.xray_daemon = xray_daemon
        self._metrics = metrics or Metrics()
        self._log = log
        self._log_folder = log_folder
        self._files: LogFiles | None = None
        self._daemon: XrayDaemon | None = None

    def open(self) -> None:
        """Make the folder, and find the daemon; raises OSError with a message for the user."""
        if self._log_folder is not None:
            self._files = LogFiles(self._log_folder, _logger.warning)
        if self.xray_daemon is not None:
            self._daemon = _daemon_at(self.xray_daemon)

    def close(self) -> None:
        """Leave nothing open."""
        if self._files is not None:
            self._files.close()
        if self._daemon is not None:
            self._daemon.close()

    def new_segment_id(self) -> str | None:
        """The id of an invocation's own segment, None where there are no segments."""
        return os.urandom(8).hex() if self._daemon is not None else None

    def connect(self, stream: Stream, function: Function, account: Account, log_stream: str, render: Render) -> None:
        """Draw from a sandbox's stream; `render` writes its log."""
        stream.subscribe(SandboxMetrics(self._metrics.of(function), serving_of(function)))
        group = f"/aws/lambda/{function.name}"
        sinks: list[Callable[[bytes], None]] = []
        if self._log is not None:
            sinks.append(partial(self._log, function.name))
        if self._files is not None:
            sinks.append(partial(self._files.write, group, log_stream))
        if sinks:
            stream.subscribe(partial(_write, sinks, render))
        if self._daemon is not None:
            traced = TracedFunction(function.name, account.function_arn(function.name, None), account.account_id, group)
            stream.subscribe(SegmentWriter(traced, os.urandom, self._daemon.send))


def _daemon_at(address: str) -> XrayDaemon:
    try:
        return XrayDaemon(address)
    except socket.gaierror as error:
        raise OSError(f"X-Ray daemon address {address!r}: {error.strerror}") from None


def log_renderer(function: Function) -> Render:
    """What writes a function's log: text, or JSON from its levels on."""
    if not function.json_logs:
        return text_lines
    return JsonLog(LogLevel[function.application_log_level or "INFO"], LogLevel[function.system_log_level or "INFO"])


def _write(sinks: list[Callable[[bytes], None]], render: Render, event: Event) -> None:
    text = render(event)
    if text:
        for sink in sinks:
            sink(text)
