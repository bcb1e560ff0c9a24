"""Every front by the name it is configured with."""

from __future__ import annotations

from runtime_api.protocol.function.url_config import UrlFormat
from runtime_api.protocol.url.fronts.front import Front
from runtime_api.protocol.url.fronts.load_balancer import LOAD_BALANCER, LOAD_BALANCER_MULTI_VALUE
from runtime_api.protocol.url.fronts.payload_v2 import FUNCTION_URL, HTTP_API
from runtime_api.protocol.url.fronts.rest_api import REST_API

FRONTS: dict[UrlFormat, Front] = {
    "function-url": FUNCTION_URL,
    "http-api": HTTP_API,
    "rest-api": REST_API,
    "alb": LOAD_BALANCER,
    "alb-multi-value": LOAD_BALANCER_MULTI_VALUE,
}
