"""Which function is in a folder that says nothing of it.

Strategy: the folder is a function when it has a file `bootstrap` or one of a few Python files with a function of a usual name. Python
files are parsed, never imported: nothing of the function's runs outside its sandbox.
"""

from __future__ import annotations

import ast
from pathlib import Path

from runtime_api.config.settings import Settings
from runtime_api.protocol.function.function import Function, InvalidFunction, RuntimeKind
from runtime_api.protocol.names import VERSION_LATEST

HANDLER_FILES = ("app.py", "lambda_function.py", "handler.py", "main.py", "index.py")
HANDLER_NAMES = ("handler", "lambda_handler")


def function_in(folder: Path, settings: Settings, version: str = VERSION_LATEST) -> Function | None:
    """The function whose task root is `folder`; None when nothing says there is one. Raises InvalidFunction."""
    if settings.command:
        return settings.function(folder, settings.handler or "", "command", version)
    if settings.handler is not None:
        return settings.function(folder, settings.handler, settings.runtime or "python", version)
    runtime, handler = _look_into(folder, settings.runtime)
    return settings.function(folder, handler, runtime, version) if runtime is not None else None


def _look_into(folder: Path, wanted: RuntimeKind | None) -> tuple[RuntimeKind | None, str]:
    if wanted != "python" and (wanted == "provided" or (folder / "bootstrap").is_file()):
        return "provided", "function.handler"
    handler = next((found for name in HANDLER_FILES if (found := _handler_in(folder / name))), None)
    return ("python", handler) if handler else (None, "")


def _handler_in(file: Path) -> str | None:
    if not file.is_file():
        return None
    try:
        source = file.read_bytes()
    except OSError as error:
        raise InvalidFunction(f"{file} cannot be read: {error.strerror}") from None
    try:
        defined = _top_level_names(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # The function's own runtime words this error best; it only has to get there.
        defined = {name for name in HANDLER_NAMES if name.encode() in source}
    name = next((name for name in HANDLER_NAMES if name in defined), None)
    return f"{file.stem}.{name}" if name else None


def _top_level_names(module: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
    return names
