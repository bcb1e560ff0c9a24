"""May a call name a tenant, and must it?

Source: the Developer Guide's tenant-isolation pages.
"""

from __future__ import annotations

from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invoke.errors import InvalidParameterValue


def check_tenant(function: Function, tenant_id: str | None) -> None:
    """Refuse a call without a tenant where the function isolates them, and one with a tenant elsewhere; raises InvalidParameterValue."""
    if function.tenant_isolation and tenant_id is None:
        raise InvalidParameterValue(
            "The invoked function is enabled with tenancy configuration. "
            "Add a valid tenant ID in your request and try again."
        )
    if not function.tenant_isolation and tenant_id is not None:
        raise InvalidParameterValue(
            "The invoked function is not enabled with tenancy configuration. "
            "Remove the tenant ID from your request and try again."
        )
