"""The wrapper layer: our bootstrap on the Python of AWS's own runtimes, for any architecture.

Those start the program that AWS_LAMBDA_EXEC_WRAPPER names with the command line of their own start script, as in
`wrapper /var/lang/bin/python3.13 /var/runtime/bootstrap.py`: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html. That script
is a client of the Runtime API like any other, so the program may start ours in its place: everything before the last argument stays as
it is, options others have added too.

The bootstrap is in it in compiled form only, once for each version of Python it is for: sources would be for nobody there, and as much
again to fetch and unpack. The script that starts it says so when the function's Python is another one.
"""

from __future__ import annotations

from pathlib import Path

from layers.bootstrap_files import bootstrap_entries
from layers.compiled import compile_entries, without_sources
from layers.contents import Contents
from layers.entries import PROGRAM, Entry, Progress, no_progress
from layers.interpreter.probe import Interpreter
from layers.layer import FOLDER, OPT, Built, pilotlight_component, pilotlight_version, start_lines, write_layer

WRAPPER = "pilotlight-wrapper"
ENV_NEXT_WRAPPER = "PILOTLIGHT_EXEC_WRAPPER"
_START = f"{FOLDER}/start.py"
# The two variables are for the bootstrap: it has been wrapped already, and it stands in for the script of a managed runtime.
_SHELL_SCRIPT = f"""#!/bin/sh
# AWS_LAMBDA_EXEC_WRAPPER={OPT}/{WRAPPER} starts {OPT}/{_START} in place of the script that comes last.
# {ENV_NEXT_WRAPPER} may name another wrapper, which is given that command line in turn.
count=$# number=0
for argument; do
    number=$((number + 1))
    [ "$number" -eq 1 ] && set --
    [ "$number" -lt "$count" ] && set -- "$@" "$argument"
done
export _PILOTLIGHT_WRAPPED=1 _PILOTLIGHT_MANAGED=1
set -- "$@" {OPT}/{_START}
if [ -n "${ENV_NEXT_WRAPPER}" ]; then
    [ -f "${ENV_NEXT_WRAPPER}" ] || {{ echo "${ENV_NEXT_WRAPPER}: does not exist" >&2; exit 127; }}
    [ -x "${ENV_NEXT_WRAPPER}" ] || {{ echo "${ENV_NEXT_WRAPPER}: is not an executable" >&2; exit 126; }}
    set -- "${ENV_NEXT_WRAPPER}" "$@"
fi
exec "$@"
"""
# It is compiled at each start, and so is short.
_START_SCRIPT = f"""import sys

if __name__ == "__main__":
    _version = "%d.%d" % sys.version_info[:2]
    if _version not in (HAS,):
        sys.exit("pilotlight: the layer is for Python HAS: build it with --python " + _version)
    sys.path[0] = _folder = f"{OPT}/{FOLDER}/{{_version}}"
{start_lines("/__init__.pyc")}"""


def build_wrapper_layer(output: Path, interpreters: list[Interpreter], progress: Progress = no_progress) -> Built:
    """Write the layer, compiled for each of the interpreters' versions; raises BuildRefused."""
    by_minor = {interpreter.minor: interpreter for interpreter in interpreters}
    minors = minors_of(interpreters)
    start = _START_SCRIPT.replace("(HAS,)", str(tuple(minors))).replace("HAS", ", ".join(minors))
    entries = [Entry(WRAPPER, _SHELL_SCRIPT.encode(), PROGRAM), Entry(_START, start.encode())]
    for minor in minors:
        sources = bootstrap_entries(f"{FOLDER}/{minor}")
        entries += without_sources(compile_entries(sources, OPT, by_minor[minor], progress, lean=True))
    contents = Contents("wrapper", pilotlight_version(), minors)
    notes = [
        f"For functions on Python {' or '.join(minors)}; --python adds versions.",
        f"Set AWS_LAMBDA_EXEC_WRAPPER={OPT}/{WRAPPER} on the function.",
    ]
    return write_layer(entries, contents, [pilotlight_component()], output, progress, notes)


def minors_of(interpreters: list[Interpreter]) -> list[str]:
    """The versions such a layer is for, in order."""
    return sorted({interpreter.minor for interpreter in interpreters}, key=_number)


def _number(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))
