"""The numbers of the service, each with its unit and the page it comes from (Lambda Developer Guide)."""

from __future__ import annotations

# gettingstarted-limits: 6 MB for a synchronous event
EVENT_LIMIT_BYTES = 6 * 1024 * 1024
# gettingstarted-limits: 1 MB for an asynchronous event, and what InvokeAsync still takes of it
ASYNC_EVENT_LIMIT_BYTES, INVOKE_ASYNC_LIMIT_BYTES = 1024 * 1024, 256 * 1024
# gettingstarted-limits: the request line and headers of a call together
CALLER_HEAD_LIMIT_BYTES = 1024 * 1024
# The service accepts 100 bytes more from a runtime than it does from a caller.
RESPONSE_LIMIT_BYTES = EVENT_LIMIT_BYTES + 100
# configuration-response-streaming: a streamed answer
STREAM_LIMIT_BYTES = 200 * 1024 * 1024
# configuration-response-streaming: how much of it is not slowed down, and what comes after that
STREAM_BURST_BYTES, STREAM_RATE_BYTES_PER_S = 6 * 1024 * 1024, 2 * 1024 * 1024
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
# lambda-runtime-environment: of all others, unless the function's timeout is longer
LONG_INIT_LIMIT_MS = 130_000
# lambda-runtime-environment: how long the Restore phase of a SnapStart sandbox may take
RESTORE_LIMIT_MS = 10_000
# lambda-managed-instances: invocations at once in one sandbox
MAX_CONCURRENCY_LIMIT = 1_600
# AWS's open-source emulator: what such a sandbox may post that is no response
MANAGED_BODY_LIMIT_BYTES = 1024 * 1024
# configuration-envvars: all variables of a function together
ENVIRONMENT_LIMIT_BYTES = 4096
# runtimes-extensions-api
EXTENSIONS_LIMIT = 10
# lambda-runtime-environment: the Shutdown phase with internal extensions only, and with at least one external one
SHUTDOWN_INTERNAL_MS, SHUTDOWN_EXTERNAL_MS = 500, 2_000
# aws-samples/graceful-shutdown-with-aws-lambda: the runtime's part of it where external extensions wait for theirs
SHUTDOWN_RUNTIME_MS = 300
# packaging-layers and gettingstarted-limits: layers of a function, and its code and layers unzipped
LAYERS_LIMIT = 5
UNZIPPED_LIMIT_BYTES = 262_144_000
# Ours: 250 MB in empty files would be a bomb of another kind.
LAYER_ENTRIES_LIMIT = 100_000
# configuration-ephemeral-storage: /tmp
TMP_MIN_MB, TMP_MAX_MB, TMP_DEFAULT_MB = 512, 10_240, 512
