"""How long /opt/bootstrap of the runtime layer takes to its first answer, beside AWS's client on the very same interpreter.

Strategy: the layer must lie in /opt, so the measuring itself runs where it does, as a process of its own in a mount namespace: starting
one for each sample would be measured, too.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median

from benchmarks.bootstrap.runtimes import TASK_ROOT
from benchmarks.bootstrap.start import start_once
from benchmarks.layer.programs import Placed
from benchmarks.report import Figure, Result
from benchmarks.servers import REPOSITORY
from layers.interpreter.probe import Interpreter
from layers.runtime import build_runtime_layer


def run(interpreter: Interpreter, site: Path, starts: int = 40) -> Result:
    """Start each so many times; `site` is the folder awslambdaric is installed in, for that interpreter's version."""
    with tempfile.TemporaryDirectory(prefix="pilotlight-benchmark-") as folder:
        layer, opt = Path(folder, "layer.zip"), Path(folder, "opt")
        build_runtime_layer(layer, interpreter)
        _unpack(layer, opt)
        bwrap = shutil.which("bwrap") or "bwrap"
        within = [bwrap, "--dev-bind", "/", "/", "--ro-bind", str(opt), "/opt", "--die-with-parent"]
        measure = [sys.executable, "-m", "benchmarks.layer.start", interpreter.minor, str(site), str(starts)]
        printed = subprocess.run([*within, *measure], cwd=REPOSITORY, stdout=subprocess.PIPE, check=True).stdout
    ours, theirs = json.loads(printed)
    return Result(
        "layer-start",
        f"exec to first answer on the layer's Python {interpreter.version}, {starts} starts of each in turns",
        [
            Figure("first answer, /opt/bootstrap / awslambdaric", median(ours) / median(theirs), "", "<=", 0.45),
            Figure("the same of the fastest starts", min(ours) / min(theirs)),
            Figure("first answer, /opt/bootstrap", median(ours) * 1e3, "ms"),
            Figure("first answer, awslambdaric", median(theirs) * 1e3, "ms"),
        ],
    )


def _unpack(layer: Path, into: Path) -> None:
    with zipfile.ZipFile(layer) as archive:
        archive.extractall(into)
        for info in archive.infolist():
            (into / info.filename).chmod(info.external_attr >> 16 & 0o777)


def _measure(minor: str, site: str, starts: int) -> list[list[float]]:
    """Seconds to the first answer, of each start of ours and of theirs."""
    python = f"/opt/pilotlight/bin/python{minor}"
    programs = [
        Placed("layer", ["/opt/bootstrap"], TASK_ROOT),
        Placed("awslambdaric", [python, "-m", "awslambdaric"], TASK_ROOT, {"PYTHONPATH": site}),
    ]
    for program in programs:
        start_once(program)
    samples = [[start_once(program)[1] for program in programs] for _ in range(starts)]
    return [list(column) for column in zip(*samples, strict=True)]


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
