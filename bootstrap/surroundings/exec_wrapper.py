"""Exec wrapper: a program that starts the runtime in its own way, with a changed environment or more options.

AWS's managed runtimes replace themselves by the program AWS_LAMBDA_EXEC_WRAPPER names, with the command line of the
interpreter as its arguments; runtimes of one's own have to do it themselves:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html#runtime-wrapper
"""

import os
import sys

from ..start import ENV_EXEC_WRAPPER, ENV_HANDLER, ENV_WRAPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

EXIT_NOT_EXECUTABLE = 126  # both as a shell has them
EXIT_NOT_FOUND = 127


def exec_wrapper(script: str) -> "NoReturn":
    """Become the wrapper, which is to start `script`; exits with 126 or 127 when there is no such program.

    The script comes last, where wrappers look for it; the name of the handler therefore moves to the environment,
    where they may change it.
    """
    wrapper = os.environ[ENV_EXEC_WRAPPER]
    if not os.path.isfile(wrapper):
        _exit(f"{wrapper}: does not exist", EXIT_NOT_FOUND)
    if not os.access(wrapper, os.X_OK):
        _exit(f"{wrapper}: is not an executable", EXIT_NOT_EXECUTABLE)
    if len(sys.argv) > 1:
        os.environ[ENV_HANDLER] = sys.argv[1]
    os.environ[ENV_WRAPPED] = "1"
    try:
        os.execv(wrapper, [wrapper, sys.executable, *_options(), script])
    except OSError as error:
        _exit(f"{wrapper}: {error.strerror}", EXIT_NOT_EXECUTABLE)


def _options() -> list[str]:
    """The options the interpreter was started with."""
    options = sys.orig_argv[1 : -len(sys.argv)]
    return options[:-1] if options[-1:] == ["-m"] else options


def _exit(message: str, status: int) -> "NoReturn":
    sys.stderr.write(message + "\n")
    sys.exit(status)
