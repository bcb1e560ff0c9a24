"""Whose URL is it? A function's URL has two forms, and both keep the caller's path as it was sent:

    http://HOST:PORT/lambda-url/NAME/…             and  /lambda-url/NAME:ALIAS/…
    http://NAME.lambda-url.localhost:PORT/…        and  ALIAS.NAME.lambda-url.localhost

What follows `.lambda-url.` in a host name can be anything. Host names know no capitals, so neither form tells them apart.
"""

from __future__ import annotations

from string import ascii_letters, digits, punctuation
from urllib.parse import quote, unquote

import msgspec

URL_PATH = "/lambda-url/"
_HOST_MARK = ".lambda-url."
_LOCAL_DOMAIN = "localhost"
_PRINTABLE = ascii_letters + digits + punctuation


class UrlAddress(msgspec.Struct, frozen=True):
    """What a request was sent to; `prefix` and `domain_name` are what the function is told of its own address."""

    name: str
    alias: str | None
    raw_path: str
    raw_query: str
    domain_name: str

    @property
    def prefix(self) -> str:
        """The part of the domain that stands for the function: its URL's id."""
        return self.domain_name.partition(_HOST_MARK)[0]


def has_url_host(host: str) -> bool:
    """Whether a `Host` is that of a function's URL."""
    return _HOST_MARK in host.lower()


def find_address(target: str, host: str) -> UrlAddress | None:
    """The function a request is for: `target` as it stands in the request line, `host` as in its header; None when it is for none."""
    if not target.startswith("/"):
        target, host = _split_absolute(target, host)
    raw_path, _, raw_query = target.partition("?")
    if has_url_host(host):
        domain_name = host.partition(":")[0].lower()
        alias, _, name = domain_name.partition(_HOST_MARK)[0].rpartition(".")
        return UrlAddress(name, alias or None, _as_text(raw_path), _as_text(raw_query), domain_name)
    if not raw_path.startswith(URL_PATH):
        return None
    identifier, slash, rest = raw_path.removeprefix(URL_PATH).partition("/")
    name, _, alias = unquote(identifier).partition(":")
    return UrlAddress(name, alias or None, _as_text(slash + rest) or "/", _as_text(raw_query), _domain_of(name, alias))


def _split_absolute(target: str, host: str) -> tuple[str, str]:
    # What clients send to a proxy: its host counts, not the header's.
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() not in ("http", "https"):
        return "/", host
    end = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    path = rest[end:]
    return path if path.startswith("/") else f"/{path}", rest[:end].rpartition("@")[2]


def _domain_of(name: str, alias: str) -> str:
    prefix = f"{alias}.{name}" if alias else name
    return f"{prefix}{_HOST_MARK}{_LOCAL_DOMAIN}".lower()


def _as_text(raw: str) -> str:
    """The same, with every byte that is no printable ASCII percent-encoded: an event is text, and a path need not be."""
    if raw.isascii() and raw.isprintable():
        return raw
    return quote(raw.encode(errors="surrogateescape"), safe=_PRINTABLE)
