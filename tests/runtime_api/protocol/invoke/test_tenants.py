from __future__ import annotations

import pytest

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invoke.errors import InvalidParameterValue
from runtime_api.protocol.invoke.tenants import check_tenant

PLAIN = Function(name="plain", task_root="/srv", handler="a.b")
ISOLATED = Function(name="isolated", task_root="/srv", handler="a.b", tenant_isolation=True)


def test_what_is_right_passes() -> None:
    """A tenant where tenants are isolated, none elsewhere."""
    check_tenant(PLAIN, None)
    check_tenant(ISOLATED, "blue")


def test_a_missing_tenant_is_refused() -> None:
    """In the service's words."""
    with pytest.raises(InvalidParameterValue) as refused:
        check_tenant(ISOLATED, None)
    assert (refused.value.status, refused.value.body) == (
        400,
        b'{"Type":"User","message":"The invoked function is enabled with tenancy configuration. '
        b'Add a valid tenant ID in your request and try again."}',
    )


def test_an_unwanted_tenant_is_refused() -> None:
    """A function that would share its sandboxes is not given one."""
    with pytest.raises(InvalidParameterValue, match="is not enabled with tenancy configuration"):
        check_tenant(PLAIN, "blue")
