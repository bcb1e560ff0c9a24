"""Is a request signed? Whether the signature is right is not asked: nobody here has secrets to check it with.

Source: the IAM User Guide's pages on Signature Version 4, in a header and in a query.
"""

from __future__ import annotations

import re

from runtime_api.protocol.url.request import Pairs

_SIGNED = re.compile(r"AWS4-[A-Z0-9-]+\s.*\bSignature=", re.DOTALL)
_CREDENTIAL = re.compile(r"\bCredential=([^/,\s]+)")


def access_key_of(headers: Pairs, query: Pairs) -> str | None:
    """The access key a request is signed with, empty when it does not say; None when it is not signed."""
    authorization = next((value for name, value in headers if name.lower() == "authorization"), "")
    if _SIGNED.match(authorization):
        found = _CREDENTIAL.search(authorization)
        return found[1] if found else ""
    signed = dict(query)
    if "X-Amz-Signature" in signed:
        return signed.get("X-Amz-Credential", "").partition("/")[0]
    return None
