"""The extensions of one sandbox, and the Extensions API they speak to it.

Strategy: an extension is external when its name is that of a program the sandbox started from /opt/extensions, else internal: a part
of the runtime. Checks run in one order: identifier, headers, body, registration, state. What passes moves the extension by the table in
`protocol.extension.states` and is told to the sandbox, which is the `Owner` here. A parked `event/next` is a connection in `poll`;
an event for an extension that is not there to take it waits in `event`.

Source: the Developer Guide's runtimes-extensions-api page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol
from uuid import UUID

import msgspec

from runtime_api.http_connection import Connection, Request
from runtime_api.protocol import names
from runtime_api.protocol.extension.errors import (
    InvalidExtensionIdentifier,
    InvalidExtensionName,
    InvalidExtensionState,
    InvalidRequestFormat,
    MissingErrorType,
    MissingExtensionIdentifier,
    RegistrationClosed,
    TooManyExtensions,
    UnknownExtensionIdentifier,
)
from runtime_api.protocol.extension.messages import (
    ExtensionEvent,
    RegisterReply,
    encode_reply,
    parse_events,
)
from runtime_api.protocol.extension.states import ExtensionCall, ExtensionState, transition
from runtime_api.protocol.limits import EXTENSIONS_LIMIT
from runtime_api.protocol.runtime.errors import RequestEntityTooLarge
from runtime_api.protocol.runtime.messages import ACCEPTED
from runtime_api.sandbox.endpoint.routing import answer_not_found, is_allowed

PREFIX = "/2020-01-01/extension/"
_JSON = b"Content-Type: application/json\r\n"
_NAME = names.HEADER_EXTENSION_NAME.lower()
_FEATURES = names.HEADER_EXTENSION_FEATURES.lower()
_IDENTIFIER = names.HEADER_EXTENSION_ID.lower()
_ERROR_TYPE = names.HEADER_EXTENSION_ERROR_TYPE.lower()


class Owner(Protocol):
    """Whom extensions report to."""

    def extension_progressed(self) -> None:
        """One registered, or asked for its next event."""

    def extension_failed(self, extension: Extension, error_type: str) -> None:
        """One reported that it cannot go on; `error_type` is what that means for the sandbox, the extension's own word is its own."""


class Extension:
    """One extension: where it stands, what it wants to hear, and the poll it waits in."""

    def __init__(self, name: str, *, external: bool) -> None:
        self.name = name
        self.external = external
        self.identifier = ""
        self.state = ExtensionState.STARTED
        self.events: frozenset[ExtensionEvent] = frozenset()
        self.error_type: str | None = None
        self.poll: Connection | None = None
        self.event: tuple[bytes, bytes] | None = None

    def dispatch(self, headers: bytes, body: bytes) -> None:
        """Hand it an event, now or when it asks again."""
        if self.state is ExtensionState.READY:
            self.state = transition(self.name, self.state, ExtensionCall.DISPATCH)
        self.event = (headers, body)
        self.deliver()

    def deliver(self) -> None:
        """Answer its poll, when it waits in one and there is an event."""
        if self.poll is not None and self.event is not None:
            poll, self.poll = self.poll, None
            (headers, body), self.event = self.event, None
            poll.answer(200, body, headers)


class Extensions:
    """Those of one sandbox. `new_id` makes identifiers, `facts` is what every extension is told of the function.

    In a `managed` sandbox, which takes several invocations at once, none is told of them.
    """

    def __init__(
        self, owner: Owner, facts: RegisterReply, account_id: str, new_id: Callable[[], str], *, managed: bool = False
    ) -> None:
        self._owner = owner
        self._facts = facts
        self._account_id = account_id
        self._new_id = new_id
        self._managed = managed
        self._all: list[Extension] = []
        self._registration_open = True

    def __iter__(self) -> Iterator[Extension]:
        return iter(self._all)

    def __bool__(self) -> bool:
        return bool(self._all)

    @property
    def any_registered(self) -> bool:
        """Whether the sandbox has a Shutdown phase."""
        return any(extension.identifier for extension in self._all)

    @property
    def has_external(self) -> bool:
        """Whether one with a process of its own is registered."""
        return any(extension.external and extension.identifier for extension in self._all)

    @property
    def all_registered(self) -> bool:
        """Whether the runtime may be started."""
        return all(extension.state is not ExtensionState.STARTED for extension in self._all)

    @property
    def all_ready(self) -> bool:
        """Whether every one waits for an event."""
        return all(extension.state is ExtensionState.READY for extension in self._all)

    @property
    def all_done(self) -> bool:
        """Whether none is at work on the invocation any more."""
        return all(extension.state is not ExtensionState.RUNNING for extension in self._all)

    @property
    def invoked_external(self) -> list[str]:
        """The names of the external ones that are told of invocations."""
        return [one.name for one in self._all if one.external and ExtensionEvent.INVOKE in one.events]

    def add_external(self, name: str) -> Extension:
        """One that is about to be started; legal for more than the limit, so that the one too many can be reported."""
        extension = Extension(name, external=True)
        self._all.append(extension)
        return extension

    def close_registration(self) -> None:
        """The runtime is ready: nobody registers any more."""
        self._registration_open = False

    def invoke(self, event: bytes) -> None:
        """Tell those who want to know that an invocation begins."""
        for extension in self._all:
            if ExtensionEvent.INVOKE in extension.events:
                event_id = f"{names.HEADER_EXTENSION_EVENT_ID}: {self._new_id()}\r\n".encode()
                extension.dispatch(_JSON + event_id, event)

    def shut_down(self, event: bytes) -> set[str]:
        """Tell those who want to know that the sandbox ends; the names of those who were told."""
        told = [extension for extension in self._all if ExtensionEvent.SHUTDOWN in extension.events]
        for extension in told:
            extension.dispatch(b"", event)
        return {extension.name for extension in told}

    def identify(self, request: Request) -> Extension:
        """Who calls; raises MissingExtensionIdentifier, InvalidExtensionIdentifier or UnknownExtensionIdentifier."""
        identifier = _identifier(request)
        extension = self._find(identifier)
        if extension is None:
            raise UnknownExtensionIdentifier(f"Unknown extension {identifier}")
        return extension

    def serve(self, request: Request, connection: Connection) -> None:
        """Answer one call below PREFIX; raises ExtensionApiError or RequestEntityTooLarge."""
        route = _ROUTES.get(request.path.partition("?")[0].removeprefix(PREFIX))
        if route is None:
            answer_not_found(connection)
            return
        method, call = route
        if not is_allowed(method, request, connection):
            return
        if request.too_large:
            raise RequestEntityTooLarge
        call(self, request, connection)

    def lost(self, connection: Connection) -> None:
        """A connection is gone: whoever waited in it may ask again."""
        for extension in self._all:
            if extension.poll is connection:
                extension.poll = None

    def _register(self, request: Request, connection: Connection) -> None:
        # File names are UTF-8, and headers are read as the bytes they are.
        name = request.headers.get(_NAME, "").encode("latin-1").decode(errors="replace")
        if not name:
            raise InvalidExtensionName
        if request.truncated:
            raise InvalidRequestFormat("unexpected end of the body")
        known = next((extension for extension in self._all if extension.name == name), None)
        is_external = known is not None and known.external
        events = parse_events(request.body, external=is_external, managed=self._managed)
        if known is None:
            known = self._add_internal(name)
        elif not known.external:
            raise InvalidExtensionState.name_taken()
        known.state = transition(name, known.state, ExtensionCall.REGISTER)
        known.events, known.identifier = events, self._new_id()
        identifier = f"{names.HEADER_EXTENSION_ID}: {known.identifier}\r\n".encode()
        connection.answer(200, encode_reply(self._facts_for(request)), _JSON + identifier)
        self._owner.extension_progressed()

    def _add_internal(self, name: str) -> Extension:
        if not self._registration_open:
            raise RegistrationClosed
        if len(self._all) >= EXTENSIONS_LIMIT:
            raise TooManyExtensions
        extension = Extension(name, external=False)
        self._all.append(extension)
        return extension

    def _facts_for(self, request: Request) -> RegisterReply:
        features = request.headers.get(_FEATURES, "").split(",")
        wants_account = names.FEATURE_ACCOUNT_ID in map(str.strip, features)
        return msgspec.structs.replace(self._facts, account_id=self._account_id if wants_account else None)

    def _next(self, request: Request, connection: Connection) -> None:
        extension = self.identify(request)
        if extension.state is not ExtensionState.READY or extension.poll is not None:
            extension.state = transition(extension.name, extension.state, ExtensionCall.NEXT)
        extension.poll = connection
        if extension.event is not None:
            extension.state = transition(extension.name, extension.state, ExtensionCall.DISPATCH)
            extension.deliver()
        self._owner.extension_progressed()

    def _init_error(self, request: Request, connection: Connection) -> None:
        self._error(request, connection, ExtensionCall.INIT_ERROR, "Extension.InitError")

    def _exit_error(self, request: Request, connection: Connection) -> None:
        self._error(request, connection, ExtensionCall.EXIT_ERROR, "Extension.ExitError")

    def _error(self, request: Request, connection: Connection, call: ExtensionCall, error_type: str) -> None:
        identifier = _identifier(request)
        reported = request.headers.get(_ERROR_TYPE)
        if not reported:
            raise MissingErrorType
        extension = self._find(identifier)
        if extension is None:
            raise UnknownExtensionIdentifier(f"Unknown {names.HEADER_EXTENSION_ID}")
        before = extension.state
        extension.state = transition(extension.name, before, call)
        connection.answer(202, ACCEPTED)
        if extension.state is not before:
            extension.error_type = reported
            self._owner.extension_failed(extension, error_type)

    def _find(self, identifier: str) -> Extension | None:
        return next((extension for extension in self._all if extension.identifier == identifier), None)


_ROUTES: dict[str, tuple[str, Callable[[Extensions, Request, Connection], None]]] = {
    "register": ("POST", Extensions._register),
    "event/next": ("GET", Extensions._next),
    "init/error": ("POST", Extensions._init_error),
    "exit/error": ("POST", Extensions._exit_error),
}


def _identifier(request: Request) -> str:
    text = request.headers.get(_IDENTIFIER, "")
    if not text:
        raise MissingExtensionIdentifier
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidExtensionIdentifier from None
