"""Current: which invocation the running code belongs to.

A sandbox that serves one invocation at a time has one answer, also for threads the function started. Once several
run in one process the answer belongs to the context of each task or thread, and the environment variable with the
trace id, which they would share, is left alone.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import ContextVar

    from .context import LambdaContext

ENV_TRACE_ID = "_X_AMZN_TRACE_ID"

_only: "LambdaContext | None" = None
_scoped: "ContextVar[LambdaContext] | None" = None


def current_context() -> "LambdaContext | None":
    """The context object of the invocation this code runs for; None before the first."""
    return _only if _scoped is None else _scoped.get(None)


def runs_several() -> bool:
    """Whether this process may serve several invocations at the same time."""
    return _scoped is not None


def enter(context: "LambdaContext") -> None:
    """Make this invocation the current one, and its trace id the one of the X-Ray SDK."""
    global _only
    if _scoped is not None:
        _scoped.set(context)
        return
    _only = context
    if context.trace_id:
        os.environ[ENV_TRACE_ID] = context.trace_id
    else:
        os.environ.pop(ENV_TRACE_ID, None)


def keep_apart() -> None:
    """From now on several invocations run in this process."""
    global _scoped
    from .surroundings.library import StandardLibrary  # few sandboxes serve several

    with StandardLibrary():
        from contextvars import ContextVar

    _scoped = ContextVar("invocation")
    os.environ.pop(ENV_TRACE_ID, None)
