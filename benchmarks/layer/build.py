"""How large the layers are, and whether two builds are the same bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.report import Figure, Result
from layers.interpreter.probe import Interpreter
from layers.runtime import build_runtime_layer
from layers.wrapper import build_wrapper_layer


def run(interpreter: Interpreter) -> Result:
    """Build both layers twice."""
    with tempfile.TemporaryDirectory(prefix="pilotlight-benchmark-") as folder:
        wrappers = [build_wrapper_layer(Path(folder, f"w{number}.zip"), [interpreter]) for number in range(2)]
        runtimes = [build_runtime_layer(Path(folder, f"r{number}.zip"), interpreter) for number in range(2)]
        differing = sum(first.path.read_bytes() != second.path.read_bytes() for first, second in (wrappers, runtimes))
    # Other versions bring other libraries.
    goal = 15.0 if interpreter.minor == "3.13" else None
    return Result(
        "layer-build",
        f"the layers for Python {interpreter.version}, built twice",
        [
            Figure("wrapper layer, zipped", wrappers[0].zipped_bytes / 1e3, "kB", "<=", 150),
            Figure("runtime layer, zipped", runtimes[0].zipped_bytes / 1e6, "MB", "<=" if goal else None, goal or 0),
            Figure("runtime layer, unzipped", runtimes[0].unzipped_bytes / 1e6, "MB"),
            Figure("layers that differ between two builds", differing, "", "<=", 0),
        ],
    )
