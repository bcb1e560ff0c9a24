from __future__ import annotations

from typing import Any

import pytest

from runtime_api.protocol.function.invalid_function import InvalidFunction
from runtime_api.protocol.function.url_config import Cors, UrlConfig


@pytest.mark.parametrize(
    ("members", "message", "member"),
    [
        ({"max_age_s": -1}, "max age -1 s: it must be between 0 and 86400 s", "max_age_s"),
        ({"max_age_s": 86_401}, "max age 86401 s: it must be between 0 and 86400 s", "max_age_s"),
        ({"allow_origins": ("*",) * 101}, "allow_origins: 101 entries, 100 are the most", "allow_origins"),
        ({"allow_methods": ("GET",) * 7}, "allow_methods: 7 entries, 6 are the most", "allow_methods"),
        (
            {"allow_methods": ("OPTIONS",)},
            "allow_methods 'OPTIONS': use some of GET, PUT, HEAD, POST, PATCH, DELETE, *",
            "allow_methods",
        ),
    ],
)
def test_what_cors_cannot_be(members: dict[str, Any], message: str, member: str) -> None:
    """The limits of the service, and the member that breaks one."""
    with pytest.raises(InvalidFunction) as refused:
        Cors(**members)
    assert (str(refused.value), refused.value.member) == (message, member)


def test_the_edges_of_cors() -> None:
    """The ends of each range belong to it."""
    Cors(max_age_s=0, allow_origins=("*",) * 100)
    Cors(max_age_s=86_400, allow_methods=("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE"))


@pytest.mark.parametrize("member", ["auth_type", "invoke_mode", "format"])
def test_what_a_url_cannot_be(member: str) -> None:
    """Each choice is one of the documented ones."""
    with pytest.raises(InvalidFunction, match=f"{member} 'x': use one of"):
        UrlConfig(**{member: "x"})  # type: ignore[arg-type]
