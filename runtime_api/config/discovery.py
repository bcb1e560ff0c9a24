"""Which functions are in a folder.

Strategy: the folder is a function when it has a file `bootstrap` or one of a few Python files with a function of a usual name; else
each folder directly below it is looked at the same way. Python files are parsed, never imported: nothing of the function's runs
outside its sandbox.
"""

from __future__ import annotations

import ast
from pathlib import Path

from runtime_api.config.settings import Settings
from runtime_api.protocol.function import Function, InvalidFunction, RuntimeKind

HANDLER_FILES = ("app.py", "lambda_function.py", "handler.py", "main.py", "index.py")
HANDLER_NAMES = ("handler", "lambda_handler")


def functions_at(path: Path, settings: Settings) -> list[Function]:
    """The functions of a folder, or of the folders in it; raises InvalidFunction, which says what was looked for."""
    if path.is_file():
        raise InvalidFunction(f"{path} is a file: name its folder")
    if not path.is_dir():
        raise InvalidFunction(f"{path}: there is no such folder")
    own = function_in(path, settings)
    if own is not None:
        return [own]
    below = [function_in(folder, settings) for folder in sorted(path.iterdir()) if _may_hold_a_function(folder)]
    found = [function for function in below if function is not None]
    if not found:
        raise InvalidFunction(_nothing_found(path))
    if settings.name is not None and len(found) > 1:
        raise InvalidFunction(
            f"--name {settings.name}: {path} holds {len(found)} functions, each named after its folder"
        )
    return found


def function_in(folder: Path, settings: Settings) -> Function | None:
    """The function whose task root is `folder`; None when nothing says there is one. Raises InvalidFunction."""
    if settings.command:
        return settings.function(folder, settings.handler or "", "command")
    if settings.handler is not None:
        return settings.function(folder, settings.handler, settings.runtime or "python")
    runtime, handler = _look_into(folder, settings.runtime)
    return settings.function(folder, handler, runtime) if runtime is not None else None


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


def _may_hold_a_function(folder: Path) -> bool:
    return folder.is_dir() and not folder.name.startswith((".", "__"))


def _nothing_found(path: Path) -> str:
    files = ", ".join(HANDLER_FILES)
    names = " or ".join(HANDLER_NAMES)
    return (
        f"{path}: no function found. Looked for a file `bootstrap`, and for {files} with a function {names}, here and in each "
        "folder directly below. Name one with --handler module.function, or start any runtime with --command."
    )
