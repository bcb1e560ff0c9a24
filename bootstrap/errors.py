"""Errors: what can go wrong, and whose fault it is.

    Exception
    ├── FunctionError       the function's: cannot be loaded, or called with this event; posted under a Runtime.* type
    ├── SandboxError        the sandbox's: the Runtime API is gone or broken; the process ends with status 1
    └── AnsweredTwiceError  ours: a second answer to one invocation

Whatever else the function raises is reported under the name of its class.
"""

ROOT = __name__.partition(".")[0]  # the name the package goes by


class FunctionError(Exception):
    """The function cannot be loaded or called; `error_type` is one of the Runtime.* names of AWS's own runtime."""

    def __init__(self, error_type: str, message: str, stack: "list[str] | None" = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.stack = stack or []


class SandboxError(Exception):
    """The sandbox is of no further use."""


class AnsweredTwiceError(Exception):
    """An invocation was answered a second time."""


def is_of_function(error: BaseException) -> bool:
    """Whether an error that came out of a call of ours is none of the system but the function's, by a signal handler."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))
    return name.partition(".")[0] != ROOT
