"""Errors: what can go wrong, and whose fault it is.

    Exception
    ├── FunctionError       the function's: cannot be loaded, or called with this event; posted under a Runtime.* type
    ├── SandboxError        the sandbox's: the Runtime API is gone or broken; the process ends with status 1
    └── AnsweredTwiceError  ours: a second answer to one invocation

Whatever else the function raises is reported under the name of its class.
"""


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
