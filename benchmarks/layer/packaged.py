"""How long a function that uses boto3 takes to its first answer, packaged with compiled files and without."""

from __future__ import annotations

import platform
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median

from benchmarks.bootstrap.start import start_once
from benchmarks.layer.programs import Placed
from benchmarks.report import Figure, Result
from benchmarks.servers import BOOTSTRAP
from layers.function.package import Package, build_package
from layers.function.target import Target
from layers.interpreter.probe import Interpreter

HANDLER = """
import boto3
client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="local", aws_secret_access_key="local")
def handler(event, context):
    return event
"""
# Code on Lambda is read-only.
READ_ONLY = {"PYTHONDONTWRITEBYTECODE": "1"}


def run(interpreter: Interpreter, starts: int = 10) -> Result:
    """Start each so many times."""
    with tempfile.TemporaryDirectory(prefix="pilotlight-benchmark-") as folder:
        source = Path(folder, "function")
        source.mkdir()
        (source / "app.py").write_text(HANDLER)
        (source / "requirements.txt").write_text("boto3\n")
        programs = [
            Placed(name, [sys.executable, *BOOTSTRAP[1:]], _unpacked(source, compiler, Path(folder, name)), READ_ONLY)
            for name, compiler in (("compiled", interpreter), ("sources", None))
        ]
        for program in programs:
            start_once(program)
        samples = [[start_once(program)[1] for program in programs] for _ in range(starts)]
    compiled, sources = (list(column) for column in zip(*samples, strict=True))
    return Result(
        "package-start",
        f"exec to first answer of a function with a boto3 client, {starts} starts of each in turns",
        [
            Figure("first answer, compiled / sources only", median(compiled) / median(sources), "", "<=", 0.6),
            Figure("first answer, compiled", median(compiled) * 1e3, "ms"),
            Figure("first answer, sources only", median(sources) * 1e3, "ms"),
        ],
    )


def _unpacked(source: Path, compiler: Interpreter | None, into: Path) -> Path:
    target = Target(f"3.{sys.version_info[1]}", "x86_64" if platform.machine() == "x86_64" else "arm64")
    built = build_package(Package(source, target, compiler), into.with_suffix(".zip"))
    with zipfile.ZipFile(built.path) as archive:
        archive.extractall(into)
    return into
