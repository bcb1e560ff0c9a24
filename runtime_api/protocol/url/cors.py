"""What browsers are told of other origins, by the URL and not by the function.

A preflight is answered without invoking anything. To every other answer the headers are added beside those of the function, so a
function that sends its own as well sends them twice, which browsers refuse: the service does the same.
Source: the Cors type in the Lambda API reference, and the Developer Guide's page urls-configuration.
"""

from __future__ import annotations

from runtime_api.protocol.function.url_config import Cors
from runtime_api.protocol.url.request import Pairs


def is_preflight(method: str, headers: Pairs) -> bool:
    """Whether a browser asks what it may ask."""
    names = {name.lower() for name, _ in headers}
    return method == "OPTIONS" and {"origin", "access-control-request-method"} <= names


def preflight_headers(cors: Cors, headers: Pairs) -> Pairs:
    """The headers of the answer to a preflight; only `Vary` for an origin that is not allowed."""
    found = cors_headers(cors, headers)
    if not _is_allowed(cors, _origin(headers)):
        return found
    found += _list("Access-Control-Allow-Methods", cors.allow_methods)
    found += _list("Access-Control-Allow-Headers", cors.allow_headers)
    if cors.max_age_s is not None:
        found.append(("Access-Control-Max-Age", str(cors.max_age_s)))
    return found


def cors_headers(cors: Cors, headers: Pairs) -> Pairs:
    """The headers of every other answer to a request with these headers."""
    origin = _origin(headers)
    is_for_anyone = "*" in cors.allow_origins and not cors.allow_credentials
    found = [] if is_for_anyone else [("Vary", "Origin")]
    if origin is None or not _is_allowed(cors, origin):
        return found
    found.append(("Access-Control-Allow-Origin", "*" if is_for_anyone else origin))
    if cors.allow_credentials:
        found.append(("Access-Control-Allow-Credentials", "true"))
    return found + _list("Access-Control-Expose-Headers", cors.expose_headers)


def _is_allowed(cors: Cors, origin: str | None) -> bool:
    return origin is not None and ("*" in cors.allow_origins or origin in cors.allow_origins)


def _origin(headers: Pairs) -> str | None:
    return next((value for name, value in headers if name.lower() == "origin"), None)


def _list(name: str, values: tuple[str, ...]) -> Pairs:
    return [(name, ",".join(values))] if values else []
