"""Pilotlight's platform: everything that runs around a Lambda function.

`Function` describes one function, `Platform` serves several of them behind one endpoint:

    async with Platform([Function(name="hello", task_root="examples/hello", handler="app.handler")]) as platform:
        print(platform.endpoint_url)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime_api.frontend.platform import Platform
    from runtime_api.protocol.function.alias import Alias
    from runtime_api.protocol.function.event_invoke import EventInvokeConfig
    from runtime_api.protocol.function.function import Function, InvalidFunction
    from runtime_api.protocol.function.function_name import Account
    from runtime_api.protocol.function.url_config import Cors, UrlConfig

__all__ = ["Account", "Alias", "Cors", "EventInvokeConfig", "Function", "InvalidFunction", "Platform", "UrlConfig"]

_HOMES = {
    "Account": "runtime_api.protocol.function.function_name",
    "Alias": "runtime_api.protocol.function.alias",
    "Cors": "runtime_api.protocol.function.url_config",
    "EventInvokeConfig": "runtime_api.protocol.function.event_invoke",
    "Function": "runtime_api.protocol.function.function",
    "InvalidFunction": "runtime_api.protocol.function.function",
    "Platform": "runtime_api.frontend.platform",
    "UrlConfig": "runtime_api.protocol.function.url_config",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  (whatever the name stands for)
    # Lazy, so that the pure rules and the pytest plugin can be imported without the HTTP server.
    if name not in _HOMES:
        raise AttributeError(f"module 'runtime_api' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
