"""The life of a sandbox, whatever it is invoked with: the Init phase, its programs and extensions, and its end.

Strategy: everything happens on the event loop, in answer to four things: somebody hands in an invocation, the runtime or an extension
calls its API, a timer fires, a process exits. What an invocation is to a sandbox, and how many it takes at a time, is for its kind:
`sandbox` and `managed_sandbox`.

External extensions are started first and register, then the runtime; init is over when all of them are ready. The first failure of a
sandbox is the one that is reported. One that ENDED is never used again; its programs may still be in their Shutdown phase then.
Source: the Developer Guide's lambda-runtime-environment page.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from signal import SIGKILL
from uuid import uuid4

from runtime_api.http_connection import Connection, Request
from runtime_api.protocol.clock import Clock, Timer
from runtime_api.protocol.extension.messages import RegisterReply, ShutdownReason
from runtime_api.protocol.extension.states import ExtensionState
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.function.function_name import Account
from runtime_api.protocol.invocation import (
    Outcome,
    OutcomeKind,
    exited,
    extension_failed,
    invalid_entrypoint,
    out_of_memory,
    timed_out,
)
from runtime_api.protocol.limits import EXTENSIONS_LIMIT
from runtime_api.protocol.phases import InitializationType, InitPhase, init_limit_ms
from runtime_api.protocol.runtime.exits import exit_reason, extension_exit_reason
from runtime_api.sandbox.clock import wait_at_most
from runtime_api.sandbox.endpoint.credentials import Credentials
from runtime_api.sandbox.endpoint.extensions import PREFIX as EXTENSIONS_API
from runtime_api.sandbox.endpoint.extensions import Extension, Extensions
from runtime_api.sandbox.endpoint.metadata import PREFIX as METADATA_API
from runtime_api.sandbox.endpoint.metadata import Metadata
from runtime_api.sandbox.endpoint.runtime_endpoint import RuntimeEndpoint
from runtime_api.sandbox.endpoint.telemetry_endpoint import PATHS as TELEMETRY_APIS
from runtime_api.sandbox.endpoint.telemetry_endpoint import TelemetryEndpoint
from runtime_api.sandbox.place import Place
from runtime_api.sandbox.programs import Program, Programs
from runtime_api.sandbox.shutdown import say_goodbye
from runtime_api.sandbox.surroundings.environment import (
    CREDENTIALS_PATH,
    XRAY_DAEMON,
    Surroundings,
    extension_environment,
    new_tokens,
    sandbox_environment,
)
from runtime_api.sandbox.surroundings.runtimes import Launch, LaunchFailed, resolve_launch
from runtime_api.sandbox.telling.chronicle import Chronicle
from runtime_api.sandbox.telling.outlets import Outlets, log_renderer
from runtime_api.telemetry.api.subscriptions import TelemetryApi, TelemetrySettings
from runtime_api.telemetry.events import ExtensionLine, FunctionLine
from runtime_api.telemetry.stream import Stream

# How long an ended runtime's last words may take to arrive, and how long one that reported an init error may take to leave.
LAST_WORDS_MS = 200
LEAVE_AFTER_INIT_ERROR_MS = 500
Apis = dict[str, Callable[[Request, Connection], None]]


class SandboxState(Enum):
    """Where a sandbox stands in its life."""

    INIT = "init"
    IDLE = "idle"
    RESTORE = "restore"
    BUSY = "busy"
    ENDED = "ended"


class Life(ABC):
    """One life of an execution environment, in a place that may have seen others; `on_ended` is called once, at its end."""

    def __init__(
        self,
        function: Function,
        account: Account,
        clock: Clock,
        place: Place,
        on_ended: Callable[[], object],
        outlets: Outlets,
    ) -> None:
        self.function = function
        self.place = place
        self.state = SandboxState.INIT
        self._account = account
        self._clock = clock
        self._on_ended = on_ended
        self._outlets = outlets
        self._render = log_renderer(function)
        self._stream = Stream(clock)
        outlets.connect(self._stream, function, account, place.log_stream, self._render)
        self._chronicle = Chronicle(function, self._stream, clock)
        facts = RegisterReply(function.name, function.version, function.handler)
        is_managed = function.initialization_type is InitializationType.MANAGED_INSTANCES
        self._extensions = Extensions(self, facts, account.account_id, lambda: str(uuid4()), managed=is_managed)
        self._telemetry = TelemetryApi(self._stream, clock, TelemetrySettings(function.json_logs, is_managed))
        self._tokens = new_tokens()
        self._endpoint = self._make_endpoint(self._other_apis(), self._extensions.lost)
        self._launch: Launch | None = None
        self._programs = Programs()
        self._init_timer: Timer | None = None
        self._runtime_init_done = False
        self._ended_in_init = False
        self._ending: Callable[[str], Outcome] | None = None
        self._end_reason = ShutdownReason.SPINDOWN
        self._last_words: asyncio.Task[None] | None = None
        self._cleanup: asyncio.Task[None] | None = None

    # what is for its kind

    @abstractmethod
    def _make_endpoint(self, others: Apis, lost: Callable[[Connection], None]) -> RuntimeEndpoint:
        """The Runtime API as this kind has it; `others` share its port, `lost` is told of each connection that is gone."""

    @abstractmethod
    def _begin_service(self) -> None:
        """Init is over: from here on it takes invocations, and those that waited first."""

    @abstractmethod
    def _answer_everybody(self, ended_in: SandboxState) -> None:
        """It ENDED: whoever waits for an outcome gets what `_ending` says."""

    @abstractmethod
    def _progress(self) -> None:
        """An extension asked for its next event after init."""

    @property
    @abstractmethod
    def _is_awaited(self) -> bool:
        """Whether somebody waits for what an ending runtime may still have said."""

    # what is the same for all

    @property
    def failed(self) -> bool:
        """Whether it ended by a failure or a timeout: its place is then for another one, else it goes with it."""
        return self.state is SandboxState.ENDED and self._end_reason is not ShutdownReason.SPINDOWN

    async def start(self) -> None:
        """Begin the Init phase: open the port, start the extensions and the runtime.

        A program that cannot be started ends the sandbox: `invoke` says why. Raises InterpreterUnusable.
        """
        try:
            self._launch = resolve_launch(self.function, self.place.folders)
            await self._endpoint.open()
            if self.state is not SandboxState.ENDED:
                self._begin_init()
        except LaunchFailed as failure:
            self._launch_failed(str(failure))
        except BaseException:
            self._end(lambda request_id: exited(request_id, "Runtime was not started"), ShutdownReason.SPINDOWN)
            raise

    def dismiss(self) -> None:
        """End it now; its programs leave in their Shutdown phase."""
        self._end(lambda request_id: exited(request_id, exit_reason(-9)), ShutdownReason.SPINDOWN)

    async def stop(self) -> None:
        """End it now, and wait until nothing of it is left but its place."""
        self.dismiss()
        if self._cleanup is not None:
            # Who gives up waiting does not stop it.
            await asyncio.shield(self._cleanup)

    def _other_apis(self) -> Apis:
        metadata = Metadata(self._account.region, self._tokens.metadata, lambda: self._is_before_snapshot)
        apis: Apis = {
            EXTENSIONS_API: self._extensions.serve,
            METADATA_API: metadata.serve,
            **dict.fromkeys(TELEMETRY_APIS, TelemetryEndpoint(self._telemetry, self._extensions).serve),
        }
        if self.function.initialization_type is InitializationType.SNAP_START:
            apis[CREDENTIALS_PATH] = Credentials(self.function, self._clock, self._tokens.credentials).serve
        return apis

    @property
    def _is_before_snapshot(self) -> bool:
        is_restored = self.function.initialization_type is InitializationType.SNAP_START
        return is_restored and self.state is SandboxState.INIT

    # init

    def _begin_init(self) -> None:
        self._chronicle.init_started()
        if self._chronicle.phase is InitPhase.INIT:
            self._init_timer = self._clock.call_later(self._init_limit_ms, self._init_timed_out)
        external = [self._extensions.add_external(name) for name in self.place.extensions()]
        for number, extension in enumerate(external):
            if number >= EXTENSIONS_LIMIT:
                self._extension_not_started(
                    extension, "TooManyExtensions", f"extension limit ({EXTENSIONS_LIMIT}) reached"
                )
            if self.state is SandboxState.INIT:
                self._start_extension(extension)
        self._go_on_with_init()

    def _start_extension(self, extension: Extension) -> None:
        name = extension.name
        launch = Launch((f"{self.place.folders.opt}/extensions/{name}",))
        try:
            self._programs.external[name] = Program(
                self.place,
                launch,
                extension_environment(self._environment()),
                lambda line: self._stream.publish(ExtensionLine(name, line)),
                lambda returncode: self._extension_exited(extension, returncode),
            )
        except LaunchFailed as failure:
            reason = str(failure)
            denied = reason.endswith("permission denied")
            self._extension_not_started(extension, "PermissionDenied" if denied else "UnknownError", reason)

    def _go_on_with_init(self) -> None:
        """The next step, once what it needs has happened."""
        if self.state is not SandboxState.INIT:
            return
        if self._programs.runtime is None:
            if self._extensions.all_registered:
                self._start_runtime()
        elif self._runtime_init_done and self._extensions.all_ready:
            self._init_succeeded()

    def _start_runtime(self) -> None:
        assert self._launch is not None
        try:
            self._programs.runtime = Program(
                self.place,
                self._launch,
                self._environment(),
                lambda line: self._stream.publish(FunctionLine(line)),
                self._runtime_exited,
                self._stream.publish if self._takes_frames else None,
            )
        except LaunchFailed as failure:
            self._launch_failed(str(failure))

    @property
    def _takes_frames(self) -> bool:
        # In text form what is printed goes to standard output, and two pipes have no order; workers would share the one.
        function = self.function
        return function.runtime == "python" and function.json_logs and function.max_concurrency is None

    def _environment(self) -> dict[str, str]:
        assert self._launch is not None
        around = Surroundings(
            self._endpoint.address,
            self.place.log_stream,
            self._launch.execution_env,
            self.place.folders,
            self._tokens,
            self._outlets.xray_daemon or XRAY_DAEMON,
        )
        return sandbox_environment(self.function, self._account, around)

    def _init_succeeded(self) -> None:
        self._call_off_init_timer()
        self._chronicle.extensions_initialised(self._extensions)
        self._chronicle.init_over(OutcomeKind.SUCCESS)
        self._telemetry.close_subscriptions()
        if self.function.cpu_share:
            self.place.limit_cpu()
        self._begin_service()

    def _call_off_init_timer(self) -> None:
        if self._init_timer is not None:
            self._init_timer.cancel()

    def _runtime_initialised(self) -> None:
        self.place.peak_memory_mb()
        self._extensions.close_registration()
        self._runtime_init_done = True
        self._chronicle.runtime_initialised(OutcomeKind.SUCCESS)
        self._go_on_with_init()

    def runtime_failed_init(self, outcome: Outcome) -> None:
        """The runtime posted an init or a restore error: it is expected to leave by itself, and made to if it stays."""
        if self.state is SandboxState.ENDED:
            return
        self.place.peak_memory_mb()
        self._ending = lambda _request_id: outcome
        self._clock.call_later(LEAVE_AFTER_INIT_ERROR_MS, lambda: self._end(lambda _request_id: outcome))

    def _runtime_exited(self, returncode: int) -> None:
        self._last_words = asyncio.ensure_future(self._end_after_last_words(returncode))

    async def _end_after_last_words(self, returncode: int) -> None:
        # What the runtime had written before it went may still be in the socket.
        if self._is_awaited:
            words = asyncio.ensure_future(self._endpoint.wait_until_disconnected())
            await wait_at_most(self._clock, LAST_WORDS_MS, [words])
            words.cancel()
        outcome_of = out_of_memory if returncode == -SIGKILL and self.place.ran_out_of_memory() else exited
        self._end(lambda request_id: outcome_of(request_id, exit_reason(returncode)))

    # what an extension did

    def extension_progressed(self) -> None:
        """One registered, or asked for its next event."""
        try:
            self._go_on_with_init()
        except OSError as error:
            # Our own trouble, and `start` is over already: nobody is left to raise it to.
            reason = f"Runtime was not started: {error.strerror}"
            self._end(lambda request_id: exited(request_id, reason), ShutdownReason.SPINDOWN)
        self._progress()

    def extension_failed(self, extension: Extension, error_type: str) -> None:
        """One reported that it cannot go on."""
        self._extension_ended(extension, error_type, f"the extension {extension.name} reported {extension.error_type}")

    def _extension_not_started(self, extension: Extension, error_type: str, message: str) -> None:
        extension.state, extension.error_type = ExtensionState.LAUNCH_ERROR, error_type
        self._extension_ended(extension, "Extension.LaunchError", message)

    def _extension_exited(self, extension: Extension, returncode: int) -> None:
        extension.state, extension.error_type = ExtensionState.EXITED, "Extension.Crash"
        self._extension_ended(extension, "Extension.Crash", extension_exit_reason(returncode))

    def _extension_ended(self, extension: Extension, error_type: str, message: str) -> None:
        if self.state not in (SandboxState.INIT, SandboxState.ENDED):
            self._chronicle.extension(extension)
        self._end(lambda request_id: extension_failed(request_id, error_type, message))

    # the ends

    def _launch_failed(self, reason: str) -> None:
        self._end(lambda request_id: invalid_entrypoint(request_id, reason))

    def _end_if_gone(self) -> None:
        """A program of an idle one may have gone a moment ago, unnoticed: then it ends now."""
        if self.state is SandboxState.IDLE and not self._programs.are_running:
            self._end(lambda request_id: exited(request_id, exit_reason(0)))

    def _init_timed_out(self) -> None:
        self._end(lambda request_id: timed_out(request_id, self._init_limit_ms), ShutdownReason.TIMEOUT)

    def _end(self, outcome_of: Callable[[str], Outcome], reason: ShutdownReason = ShutdownReason.FAILURE) -> None:
        """The one way a sandbox ends: read what was printed, answer whoever waits, say goodbye, kill, close."""
        if self.state is SandboxState.ENDED:
            return
        ended_in, self.state = self.state, SandboxState.ENDED
        self._ended_in_init = ended_in is SandboxState.INIT
        self._ending = self._ending or outcome_of
        self._end_reason = reason
        if self.function.freeze:
            self.place.thaw()
        self._call_off_init_timer()
        self._endpoint.retire()
        self.place.peak_memory_mb()
        self._programs.forget()
        if not self._extensions.any_registered:
            self._close_and_kill()
        self._programs.drain()
        if self._ended_in_init:
            self._publish_failed_init(self._ending(""))
        self._answer_everybody(ended_in)
        self._cleanup = asyncio.ensure_future(self._shut_down())
        self._on_ended()

    def _publish_failed_init(self, outcome: Outcome) -> None:
        status = OutcomeKind.TIMEOUT if outcome.kind is OutcomeKind.TIMEOUT else OutcomeKind.ERROR
        error_type = None if status is OutcomeKind.TIMEOUT else outcome.error_type
        self._chronicle.extensions_initialised(self._extensions)
        if not self._runtime_init_done:
            self._chronicle.runtime_initialised(status, error_type)
        self._chronicle.init_over(status, error_type)

    @property
    def _init_limit_ms(self) -> int:
        return init_limit_ms(self.function.initialization_type, self.function.timeout_ms)

    async def _shut_down(self) -> None:
        if self._extensions.any_registered:
            await say_goodbye(self._programs, self._extensions, self._telemetry, self._end_reason, self._clock)
        self._close_and_kill()
        await self._programs.reap()
        await self._telemetry.close()
        if self._last_words is not None:
            await self._last_words

    def _close_and_kill(self) -> None:
        self._endpoint.close()
        self._programs.kill()
