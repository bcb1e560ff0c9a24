"""What a caller's name leads to, and the invocation made of it."""

from __future__ import annotations

import msgspec

from runtime_api.protocol.function.alias import Alias
from runtime_api.protocol.function.function import Function
from runtime_api.protocol.invocation import Invocation
from runtime_api.protocol.invoke.errors import RecursiveInvocation
from runtime_api.protocol.invoke.lineage import count_in
from runtime_api.protocol.invoke.payload import checked_payload
from runtime_api.protocol.invoke.tenants import check_tenant
from runtime_api.protocol.metrics import Tally


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a function, as a caller addressed it.

    `function` is the version that runs; `qualifier` is what the caller wrote (None for nothing) and `invoked_arn` carries the same;
    `alias` is there when it is an alias' name. `lineage_id` stands for the function in trace headers,
    `tally` counts for the version.
    """

    function: Function
    invoked_arn: str
    lineage_id: str
    qualifier: str | None = None
    alias: Alias | None = None
    tally: Tally = msgspec.field(default_factory=Tally)

    @property
    def executed_version(self) -> str:
        """The version that runs, for `X-Amz-Executed-Version`."""
        return self.function.version

    def invocation(
        self,
        payload: bytes,
        request_id: str,
        trace_id: str,
        *,
        client_context: str | None = None,
        tenant_id: str | None = None,
        wants_log_tail: bool = False,
        wants_stream: bool = False,
    ) -> Invocation:
        """The invocation of a call; `trace_id` is the header as the caller sent it, or a fresh one.

        Raises InvalidParameterValue for a tenant too many or too few, InvalidRequestContent for what is no JSON, and RecursiveInvocation.
        """
        function = self.function
        check_tenant(function, tenant_id)
        return Invocation(
            request_id,
            checked_payload(payload),
            self.invoked_arn,
            self._counted_in(trace_id),
            function.version,
            client_context=client_context,
            tenant_id=tenant_id,
            wants_log_tail=wants_log_tail,
            wants_stream=wants_stream,
        )

    def _counted_in(self, trace_id: str) -> str:
        try:
            return count_in(trace_id, self.lineage_id, is_loop_allowed=self.function.recursive_loop == "Allow")
        except RecursiveInvocation:
            self.tally.recursive_invocations_dropped += 1
            raise
