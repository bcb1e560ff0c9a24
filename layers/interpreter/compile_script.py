"""Compiles Python sources: run as a script by the interpreter it compiles for. Standard library only.

In: whether the code is to be lean, and pairs of a path, as tracebacks are to show it, and a source. Out: for each source the bytes of its
.pyc, or what is wrong as a string. Both are lists in marshal's format 2, which every Python 3 reads.

The code makes one round through marshal before it is written: what is marked as shared within it depends on how often objects happen
to be in use, and so on the machine's state; in code that was just read it depends on the code only. The header says that nobody need
compare it with its source, which Lambda's times would fail: https://peps.python.org/pep-0552/
"""

import sys

sys.path.pop(0)  # the folder of this script has nothing to say

import ast
import importlib.util
import marshal

UNCHECKED_HASH = (1).to_bytes(4, "little")
FORMAT = 2


class Lean(ast.NodeTransformer):
    """Takes out what only type checkers read."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """A parameter without its annotation."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function without that of its result."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """The same."""
        node.returns = None
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> "ast.AST | list[ast.stmt]":
        """Nothing of `if TYPE_CHECKING:`."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return node.orelse or [ast.copy_location(ast.Pass(), node)]
        return self.generic_visit(node)


def compiled(path: str, source: bytes, *, lean: bool) -> "bytes | str":
    """The bytes of a .pyc, or why there are none; lean code has no docstrings, assertions and annotations."""
    try:
        if lean:
            tree = compile(source, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            code = compile(Lean().visit(tree), path, "exec", dont_inherit=True, optimize=2)
        else:
            code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)
    header = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source)
    return header + marshal.dumps(marshal.loads(marshal.dumps(code)))


if __name__ == "__main__":
    is_lean, asked = marshal.load(sys.stdin.buffer)
    marshal.dump([compiled(path, source, lean=is_lean) for path, source in asked], sys.stdout.buffer, FORMAT)
