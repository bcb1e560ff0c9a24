"""The same function under awslambdaric and under the bootstrap, each with a server of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .fake_runtime_api import FakeRuntimeAPI
from .function import BOOTSTRAP, Function, Outcome

COMMANDS = {"awslambdaric": ["-m", "awslambdaric", "app.handler"], "bootstrap": [str(BOOTSTRAP), "app.handler"]}
SOURCE = """
from collections import OrderedDict, namedtuple
from decimal import Decimal
Point = namedtuple("Point", "x y")
def inner(): raise LookupError("deep")
def handler(event, context):
    {statement}
"""
ENVIRON = {"AWS_LAMBDA_FUNCTION_NAME": "demo", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}


@dataclass
class Twin:
    """The same function twice, each with a server of its own."""

    functions: list[Function]

    def run(self, statement: str, *events: dict[str, str], body: bytes = b'{"k": [1, null]}') -> list[Outcome]:
        """Run with a handler of one statement; an event is given by its additional headers."""
        for function in self.functions:
            function.write(SOURCE.format(statement=statement))
            for headers in events or [{}]:
                function.api.event(body, **headers)
        return [function.run() for function in self.functions]


@contextmanager
def twins(root: Path) -> Iterator[Twin]:
    """One function for each implementation, in the same folder so that file names are equal."""
    apis = [FakeRuntimeAPI(), FakeRuntimeAPI()]
    functions = [Function(api, root / name) for api, name in zip(apis, COMMANDS, strict=True)]
    for function, command in zip(functions, COMMANDS.values(), strict=True):
        function.command = list(command)
        function.root = function.cwd = root
        function.environ |= ENVIRON | {"LAMBDA_TASK_ROOT": str(root)}
    yield Twin(functions)
    for function in functions:
        function.kill()
        function.api.close()
