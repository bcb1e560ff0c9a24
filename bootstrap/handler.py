"""Handler: finds and loads what the user wrote, and says in the words of AWS's runtime why it cannot.

`package/module.function` and `package.module.function` both name a function. `__import__` is used over
`importlib.import_module`: it needs no import of its own and leaves no frames of the import system in a traceback.
"""

import sys

from .errors import FunctionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import LambdaContext

    Handler = Callable[[object, LambdaContext], object]


def load_handler(name: str) -> "Handler":
    """Import the module and get the function. Raises FunctionError, or what the user's module raises."""
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        raise FunctionError("Runtime.MalformedHandlerName", f"Bad handler '{name}': {error}") from error
    if not module_name or module_name[0] in "./":
        raise FunctionError("Runtime.MalformedHandlerName", f"Bad handler '{name}': it names no module")
    if module_name.split(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {module_name} as a handler module"
        raise FunctionError("Runtime.BuiltInModuleConflict", message)
    module = _import(module_name)
    try:
        handler: Handler = getattr(module, function_name)
    except AttributeError as error:
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise FunctionError("Runtime.HandlerNotFound", message) from error
    return handler


def _import(module_name: str) -> object:
    dotted = module_name.replace("/", ".")
    try:
        __import__(dotted)
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise FunctionError("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        place = f'  File "{error.filename}" Line {error.lineno}\n    {error.text}'
        message = f"Syntax error in module '{module_name}': {error}"
        raise FunctionError("Runtime.UserCodeSyntaxError", message, [place]) from error
    return sys.modules[dotted]
