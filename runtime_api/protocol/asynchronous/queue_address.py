"""Where the queue of events is that several servers share: `nats://HOST:PORT[,HOST:PORT…][/STREAM][?replicas=N&ack_wait=S]`."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

SCHEMES = ("nats", "tls")
STREAM_DEFAULT = "pilotlight"
_STREAM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FORM = "write nats://HOST:PORT[,HOST:PORT][/STREAM][?replicas=N&ack_wait=SECONDS]"
_OPTIONS = ("replicas", "ack_wait")


class InvalidQueueAddress(ValueError):
    """It is not one; the message says what is wrong."""


class QueueAddress(msgspec.Struct, frozen=True):
    """The URLs of the NATS servers of one cluster, the stream on it, and how many of them keep each event when we make the stream.

    `ack_wait_s` is how long one of ours may be silent before the events it works on go to others.
    """

    servers: tuple[str, ...]
    stream: str = STREAM_DEFAULT
    replicas: int = 1
    ack_wait_s: float = 15

    def __str__(self) -> str:
        """For people to read: without passwords."""
        hosts = ",".join(urlsplit(server).netloc.rpartition("@")[2] for server in self.servers)
        return f"{urlsplit(self.servers[0]).scheme}://{hosts}/{self.stream}"


def parse_queue_address(text: str) -> QueueAddress:
    """Raises InvalidQueueAddress. A server named without a scheme has the first one's, and its user and password."""
    first, *more = text.split(",")
    try:
        parts = urlsplit(first)
        before = f"{parts.scheme}://{parts.netloc[: parts.netloc.rfind('@') + 1]}"
        urls = [urlsplit(url if "://" in url else before + url) for url in (first, *more)]
        for url in urls:
            _check_server(url)
    except ValueError as error:
        raise InvalidQueueAddress(f"queue {_without_password(text)!r}: {error}; {_FORM}") from None
    if any(url.path.strip("/") or url.query for url in urls[:-1]):
        raise InvalidQueueAddress(f"queue {_without_password(text)!r}: the stream is named once, at the end; {_FORM}")
    servers = tuple(f"{url.scheme}://{url.netloc}" for url in urls)
    stream, options = _stream(urls[-1].path.strip("/")), _options(urls[-1].query)
    return QueueAddress(servers, stream, _number(options, "replicas", 1, 5), _number(options, "ack_wait", 15, 3600))


def _check_server(url: SplitResult) -> None:
    if url.scheme not in SCHEMES:
        raise ValueError(f"the scheme {url.scheme!r} is none of {', '.join(SCHEMES)}")
    if not url.hostname:
        raise ValueError("a server has no name")
    try:
        url.port  # noqa: B018  (it is read when it is asked for)
    except ValueError:
        # urllib's own words would have a part of a password in them that has a slash.
        raise ValueError("a port is a number up to 65535; in a password / , ? # and @ have to be escaped") from None


def _stream(name: str) -> str:
    if name and not _STREAM.fullmatch(name):
        raise InvalidQueueAddress(f"queue stream {name!r}: use up to 64 letters, digits, '-' and '_'")
    return name or STREAM_DEFAULT


def _options(query: str) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    for name in options:
        if name not in _OPTIONS:
            raise InvalidQueueAddress(f"queue option {name!r}: it is none of {', '.join(_OPTIONS)}")
    return options


def _number(options: dict[str, str], name: str, default: int, most: int) -> int:
    text = options.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise InvalidQueueAddress(f"queue option {name}={text}: use 1 to {most}")
    return int(text)


def _without_password(text: str) -> str:
    return re.sub(r"^(\w+://)?.*@", r"\1", text)
