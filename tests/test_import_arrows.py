"""The arrows of import are those of the design, and there are no others."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Who may import whom; everybody may import `protocol` and itself. `http_connection` is a file, not a folder: it knows nothing of Lambda.
ARROWS: dict[str, set[str]] = {
    "protocol": set(),
    "http_connection": set(),
    "telemetry": set(),
    "sandbox": {"telemetry", "http_connection"},
    "dispatch": {"sandbox"},
    "frontend": {"dispatch", "http_connection"},
    "config": set(),
    "conformance": set(),
    "cli": {"config", "frontend", "conformance", "layers", "container"},
    "layers": set(),
    "container": set(),
}
# Functions: what runs in a sandbox may import the bootstrap, wherever it is kept.
FUNCTIONS = {"projects", "handlers"}
OURS = {"runtime_api", "bootstrap", "layers", "container"}
# What the function may have, what only Python 3.14 has, what only type checkers import.
MAYBE_THERE = {"uvloop", "annotationlib", "_typeshed"}
FORBIDDEN_IN_RULES = {"asyncio", "aiohttp", "os", "time", "socket", "subprocess", "threading", "pathlib", "random"}


def files(folder: str) -> list[Path]:
    """The modules below a folder, but for functions."""
    return sorted(path for path in (ROOT / folder).rglob("*.py") if not FUNCTIONS & set(path.relative_to(ROOT).parts))


def imported(path: Path) -> Iterator[str]:
    """The dotted names of all a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join((*package, node.module) if node.module else package)
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(name: str) -> str:
    """The part of the house a dotted name belongs to."""
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == "runtime_api" else first


def owner_of(path: Path) -> str:
    """The part of the house a module of the platform belongs to."""
    return path.relative_to(ROOT / "runtime_api").parts[0].removesuffix(".py")


# The package's own __init__ is lazy: it imports nothing until it is asked for a name.
PLATFORM = [path for path in files("runtime_api") if owner_of(path) != "__init__"]


@pytest.mark.parametrize("path", PLATFORM, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_platform_follows_the_arrows(path: Path) -> None:
    """A module imports its own part, `protocol`, and what the design draws an arrow to."""
    part = owner_of(path)
    used = {part_of(name) for name in imported(path) if name.split(".")[0] in OURS}
    # `import runtime_api` alone is the package's own place, not a part of it.
    assert used - {part, "protocol", ""} <= ARROWS[part]


@pytest.mark.parametrize("path", files("runtime_api/protocol"), ids=lambda path: path.name)
def test_the_rules_are_pure(path: Path) -> None:
    """No event loop, no HTTP, no files, no clock."""
    assert {name.split(".")[0] for name in imported(path)} & FORBIDDEN_IN_RULES == set()


@pytest.mark.parametrize("path", files("bootstrap"), ids=lambda path: path.name)
def test_the_bootstrap_is_the_standard_library_only(path: Path) -> None:
    """What runs inside the sandbox brings nothing along."""
    siblings = {sibling.stem for sibling in files("bootstrap")} | {"bootstrap"}
    used = {name.split(".")[0] for name in imported(path)}
    assert used - siblings - MAYBE_THERE <= sys.stdlib_module_names


@pytest.mark.parametrize("folder", ["runtime_api", "layers", "container"])
def test_nobody_imports_the_bootstrap(folder: str) -> None:
    """The two sides meet on the wire only."""
    assert [path for path in files(folder) if any(part_of(name) == "bootstrap" for name in imported(path))] == []


def test_the_layers_stand_alone() -> None:
    """Building them needs nothing of the platform."""
    used = {part_of(name) for path in files("layers") for name in imported(path) if name.split(".")[0] in OURS}
    assert used == {"layers"}


def test_every_part_is_known() -> None:
    """A new folder gets its arrows here before it gets imports."""
    parts = {owner_of(path) for path in PLATFORM}
    assert parts <= set(ARROWS)
