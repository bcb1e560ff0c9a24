from __future__ import annotations

import pytest

from runtime_api.protocol.url.signature import access_key_of

SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=00"
)


@pytest.mark.parametrize(
    ("authorization", "access_key"),
    [
        (SIGNED, "AKIDEXAMPLE"),
        (SIGNED.replace("HMAC", "ECDSA-P256"), "AKIDEXAMPLE"),
        ("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=00", ""),
        ("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/x", None),
        ("Bearer Signature=00", None),
        ("", None),
    ],
)
def test_a_header_signs(authorization: str, access_key: str | None) -> None:
    """With Signature Version 4, and nothing else."""
    assert access_key_of([("authorization", authorization)], []) == access_key


def test_a_query_signs() -> None:
    """A URL that was signed before needs no header."""
    query = [("X-Amz-Credential", "AKIDEXAMPLE/20261121/us-east-1/lambda/aws4_request"), ("X-Amz-Signature", "00")]
    assert access_key_of([], query) == "AKIDEXAMPLE"
    assert access_key_of([], query[:1]) is None
