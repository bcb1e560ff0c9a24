from __future__ import annotations

import pytest

from runtime_api.protocol.url.address import UrlAddress, find_address, has_url_host


@pytest.mark.parametrize(
    ("target", "host", "found"),
    [
        ("/lambda-url/demo/a/b", "x", ("demo", None, "/a/b", "")),
        ("/lambda-url/demo", "x", ("demo", None, "/", "")),
        ("/lambda-url/demo?a=1", "x", ("demo", None, "/", "a=1")),
        ("/lambda-url/demo/?", "x", ("demo", None, "/", "")),
        ("/lambda-url/demo:live/x", "x", ("demo", "live", "/x", "")),
        ("/lambda-url/demo%3Alive/x", "x", ("demo", "live", "/x", "")),
        ("/a", "demo.lambda-url.localhost:9000", ("demo", None, "/a", "")),
        ("/a", "live.demo.lambda-url.localhost", ("demo", "live", "/a", "")),
        ("/a", "DEMO.Lambda-URL.us-east-1.on.aws", ("demo", None, "/a", "")),
        ("/lambda-url/other/a", "demo.lambda-url.localhost", ("demo", None, "/lambda-url/other/a", "")),
        ("http://demo.lambda-url.localhost:9000/a?b", "x", ("demo", None, "/a", "b")),
        ("http://me@demo.lambda-url.localhost?b", "x", ("demo", None, "/", "b")),
        ("http://127.0.0.1:9000/lambda-url/demo/a", "x", ("demo", None, "/a", "")),
        ("*", "demo.lambda-url.localhost", ("demo", None, "/", "")),
    ],
)
def test_a_request_names_a_function(target: str, host: str, found: tuple[str, str | None, str, str]) -> None:
    """By path or by host, with or without an alias, however the target is written."""
    address = find_address(target, host)
    assert address is not None
    assert (address.name, address.alias, address.raw_path, address.raw_query) == found


@pytest.mark.parametrize("target", ["/", "/healthz", "/lambda-url", "/2015-03-31/functions/lambda-url/invocations"])
def test_other_requests_name_none(target: str) -> None:
    """They are somebody else's."""
    assert find_address(target, "127.0.0.1:9000") is None


@pytest.mark.parametrize("path", ["/pa2%Fth/1", "/a//b", "/../x/./y", "/%zz", "/a%2Fb", "//", "/a:b;c,d'e\"f{g}|h^i`j"])
def test_a_path_stays_as_it_was_sent(path: str) -> None:
    """Nothing is decoded, joined or resolved."""
    by_path, by_host = find_address(f"/lambda-url/demo{path}", "x"), find_address(path, "demo.lambda-url.localhost")
    assert by_path is not None
    assert by_host is not None
    assert (by_path.raw_path, by_host.raw_path) == (path, path)


def test_bytes_that_are_no_text_are_encoded() -> None:
    """An event is JSON: what a client sent raw arrives percent-encoded, and the rest untouched."""
    raw = b"/caf\xc3\xa9/\xff %41\x7f".decode(errors="surrogateescape")
    address = find_address(raw, "demo.lambda-url.localhost")
    assert address is not None
    assert address.raw_path == "/caf%C3%A9/%FF%20%41%7F"


@pytest.mark.parametrize(
    ("target", "host", "domain_name", "prefix"),
    [
        ("/lambda-url/Demo/", "127.0.0.1:9000", "demo.lambda-url.localhost", "demo"),
        ("/lambda-url/demo:live/", "x", "live.demo.lambda-url.localhost", "live.demo"),
        ("/", "demo.lambda-url.eu-west-1.on.aws:9000", "demo.lambda-url.eu-west-1.on.aws", "demo"),
    ],
)
def test_a_function_is_told_its_domain(target: str, host: str, domain_name: str, prefix: str) -> None:
    """The same whichever way it is called, without a port."""
    address = find_address(target, host)
    assert isinstance(address, UrlAddress)
    assert (address.domain_name, address.prefix) == (domain_name, prefix)


def test_hosts_of_urls_are_known() -> None:
    """By the part of the name that no other host has."""
    assert has_url_host("demo.LAMBDA-URL.localhost:1")
    assert not has_url_host("lambda-url.localhost")
