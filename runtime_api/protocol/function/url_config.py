"""How a function is reached by a URL of its own.

Source: FunctionUrlConfig and Cors in the Lambda API reference, and the Developer Guide's page urls-configuration.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from runtime_api.protocol.function.invalid_function import InvalidFunction

AuthType = Literal["NONE", "AWS_IAM"]
InvokeMode = Literal["BUFFERED", "RESPONSE_STREAM"]
UrlFormat = Literal["function-url", "http-api", "rest-api", "alb", "alb-multi-value"]

CORS_METHODS = ("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE", "*")
CORS_METHODS_LIMIT, CORS_LIST_LIMIT, CORS_MAX_AGE_S = 6, 100, 86_400


class Cors(msgspec.Struct, frozen=True, kw_only=True):
    """What browsers are told of other origins; empty members say nothing. `max_age_s` is at most a day. Raises InvalidFunction."""

    allow_credentials: bool = False
    allow_headers: tuple[str, ...] = ()
    allow_methods: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_s: int | None = None

    def __post_init__(self) -> None:
        for member in ("allow_headers", "allow_origins", "expose_headers"):
            count = len(getattr(self, member))
            if count > CORS_LIST_LIMIT:
                raise InvalidFunction(f"{member}: {count} entries, {CORS_LIST_LIMIT} are the most", member)
        if len(self.allow_methods) > CORS_METHODS_LIMIT:
            raise InvalidFunction(
                f"allow_methods: {len(self.allow_methods)} entries, {CORS_METHODS_LIMIT} are the most", "allow_methods"
            )
        unknown = next((method for method in self.allow_methods if method not in CORS_METHODS), None)
        if unknown is not None:
            raise InvalidFunction(f"allow_methods {unknown!r}: use some of {', '.join(CORS_METHODS)}", "allow_methods")
        if self.max_age_s is not None and not 0 <= self.max_age_s <= CORS_MAX_AGE_S:
            raise InvalidFunction(
                f"max age {self.max_age_s} s: it must be between 0 and {CORS_MAX_AGE_S} s", "max_age_s"
            )


class UrlConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The URL of a function or an alias. `format` is the shape of events: a function URL's own, or that of another front.

    Raises InvalidFunction.
    """

    auth_type: AuthType = "NONE"
    invoke_mode: InvokeMode = "BUFFERED"
    cors: Cors | None = None
    format: UrlFormat = "function-url"

    def __post_init__(self) -> None:
        for member, kind in (("auth_type", AuthType), ("invoke_mode", InvokeMode), ("format", UrlFormat)):
            value = getattr(self, member)
            if value not in get_args(kind):
                raise InvalidFunction(f"{member} {value!r}: use one of {', '.join(get_args(kind))}", member)
