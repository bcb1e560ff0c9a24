"""The numbers of the service, each with its unit and the page it comes from (Lambda Developer Guide)."""

from __future__ import annotations

# gettingstarted-limits: 6 MB for a synchronous event
EVENT_LIMIT_BYTES = 6 * 1024 * 1024
# gettingstarted-limits: the request line and headers of a call together
CALLER_HEAD_LIMIT_BYTES = 1024 * 1024
# The service accepts 100 bytes more from a runtime than it does from a caller.
RESPONSE_LIMIT_BYTES = EVENT_LIMIT_BYTES + 100
# API_Invoke: X-Amz-Client-Context, counted in its base64 form
CLIENT_CONTEXT_LIMIT_BYTES = 3583
# API_Invoke: X-Amz-Log-Result carries the end of the log
LOG_TAIL_BYTES = 4096
# gettingstarted-limits: function name, and the longest form it is addressed by
FUNCTION_NAME_LIMIT = 64
FUNCTION_REFERENCE_LIMIT = 256
# configuration-timeout and configuration-memory
TIMEOUT_MIN_MS, TIMEOUT_MAX_MS, TIMEOUT_DEFAULT_MS = 1, 900_000, 3_000
MEMORY_MIN_MB, MEMORY_MAX_MB, MEMORY_DEFAULT_MB = 128, 10_240, 128
# lambda-runtime-environment: how long the Init phase of an on-demand sandbox may take
INIT_LIMIT_MS = 10_000
# configuration-envvars: all variables of a function together
ENVIRONMENT_LIMIT_BYTES = 4096
