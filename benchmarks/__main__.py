"""`python -m benchmarks`: run them all, or those named; print the figures and keep them as JSON in benchmarks/results/.

Exit status 1 when an answer was lost, crossed or wrong: that is never the machine's fault. A missed goal of speed is only reported.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from benchmarks import events, latency, shared_events, soak, streaming, throughput
from benchmarks.bootstrap import endurance, invocations, memory, start, streams
from benchmarks.conformance import repeat
from benchmarks.layer import build, image, packaged
from benchmarks.layer import start as layer_start
from benchmarks.peers import emulator_path, image_store_path, image_wheels_path, python_client_path
from benchmarks.report import Result
from benchmarks.sandbox import start as sandbox_start
from benchmarks.sandbox import subscriber, turnover
from benchmarks.servers import REPOSITORY
from layers.errors import BuildRefused
from layers.interpreter.probe import probe

NAMES = ("bootstrap", "sandbox", "layer", "latency", "throughput", "streams", "soak", "crowd", "events", "conform")


def main() -> int:
    """Run what the command line names."""
    parser = _parser()
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}: there are {', '.join(NAMES)}")
    console = Console()
    correct = True
    for result in _results(options.names or NAMES, options, console):
        result.show(console)
        console.print(f"kept in {result.keep()}\n")
        correct &= all(figure.met is not False for figure in result.figures if figure.goal_value == 0)
    return 0 if correct else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)}; all when left out")
    parser.add_argument("--peers", type=Path, default=REPOSITORY / ".peers", help="where `make peers` put the peers")
    parser.add_argument("--blocks", type=int, default=15, help="latency: blocks of 200 calls for each server")
    parser.add_argument("--rounds", type=int, default=5, help="throughput: rounds of four seconds for each server")
    parser.add_argument("--seconds", type=float, default=60, help="soak: how long; the crowd a quarter of it")
    parser.add_argument("--runs", type=int, default=3, help="conform: how many times each")
    return parser


def _results(names: tuple[str, ...], options: argparse.Namespace, console: Console) -> Iterator[Result]:
    if "bootstrap" in names:
        yield from _bootstrap(options.peers.absolute(), console)
    if "sandbox" in names:
        for sandbox in (sandbox_start, subscriber, turnover):
            yield sandbox.run()
    if "layer" in names:
        yield from _layer(options.peers.absolute(), console)
    program = emulator_path(options.peers.absolute())
    if program is None:
        console.print(
            "AWS's emulator is not installed (make peers): latency and throughput have nothing to be compared with"
        )
    if "latency" in names and program is not None:
        yield latency.run(program, options.blocks)
    if "throughput" in names and program is not None:
        yield throughput.run(program, options.rounds, 4)
    if "streams" in names:
        yield streaming.run()
    if "soak" in names:
        yield soak.run(options.seconds)
    if "crowd" in names:
        yield soak.crowd(options.seconds / 4)
    if "events" in names:
        yield events.run_acceptance()
        yield events.run_survival()
        if shared_events.is_possible():
            yield shared_events.run_survival()
        else:
            print("nats-server is not installed: the events of several servers are not measured", file=sys.stderr)
    if "conform" in names:
        yield repeat.run("runtime", options.runs, console)
        yield repeat.run("server", options.runs, console)


def _bootstrap(peers: Path, console: Console) -> Iterator[Result]:
    python = python_client_path(peers)
    if python is None:
        console.print("awslambdaric is not installed (make peers): the bootstrap has nothing to be compared with")
        return
    for benchmark in (start, invocations, memory, streams, endurance):
        yield benchmark.run(python)


def _layer(peers: Path, console: Console) -> Iterator[Result]:
    """The newest Python there is for sizes; the one of the peers, on which AWS's client is installed, for times."""
    newest = next(iter(sorted((Path.home() / ".pyenv" / "versions").glob("3.13.*"), reverse=True)), None)
    running = probe(sys.executable)
    try:
        yield build.run(probe(str(newest)) if newest else running)
        yield packaged.run(running)
        store, wheels = image_store_path(peers), image_wheels_path(peers)
        if store is None or wheels is None or shutil.which("bwrap") is None:
            console.print(
                "buildah, what it builds from or bubblewrap is not here (make peers): the image is not measured"
            )
        else:
            yield image.run(store, wheels)
        python = python_client_path(peers)
        if python is None or shutil.which("bwrap") is None:
            console.print(
                "awslambdaric or bubblewrap is not installed (make peers): the layer has nothing to be compared with"
            )
            return
        theirs = probe(str(python))
        yield layer_start.run(theirs, python.parent.parent / "lib" / f"python{theirs.minor}" / "site-packages")
    except BuildRefused as refused:
        console.print(f"the layers cannot be built: {refused}")


if __name__ == "__main__":
    sys.exit(main())
