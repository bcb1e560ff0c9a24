"""`python -m benchmarks.conformance.publish [NAME …]`: judge the implementations of docs/conformance/results anew.

Each is a folder with a conform.toml, which says what is judged, and a README.md, which says in prose what is not met and why. Written are
its results.json, the part of its README.md between the two marks, and the page that puts all of them side by side. An implementation that
is not installed keeps what it has. Exit status 1 where one could not be judged.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks.servers import REPOSITORY
from runtime_api.conformance.cases import REVISION
from runtime_api.conformance.config_file import read_config
from runtime_api.conformance.report.folder import results_json
from runtime_api.conformance.report.matrix import matrix, read_published
from runtime_api.conformance.report.results import Results
from runtime_api.conformance.report.summary import summary

DOCS = REPOSITORY / "docs" / "conformance"
PUBLISHED = DOCS / "results" / REVISION
BEGIN, END = "<!-- results: made by `make results` -->", "<!-- end of results -->"
_JUDGED = (0, 1)


def main(names: list[str]) -> int:
    """Judge those named, such as `runtime/awslambdaric`, or all; the exit status."""
    folders = [path.parent for path in sorted(PUBLISHED.glob("*/*/conform.toml"))]
    chosen = [folder for folder in folders if not names or folder.relative_to(PUBLISHED).as_posix() in names]
    if not chosen:
        print(f"nothing is called {', '.join(names)} in {PUBLISHED}", file=sys.stderr)
        return 1
    done = [publish(folder) for folder in chosen]
    (DOCS / "matrix.md").write_text(matrix(read_published(PUBLISHED)))
    return 0 if all(done) else 1


def publish(folder: Path) -> bool:
    """Judge one; whether that was possible, or it is not installed."""
    name = folder.relative_to(PUBLISHED).as_posix()
    missing = missing_programs(read_config(folder / "conform.toml").command)
    if missing:
        print(f"{name}: kept as it is, for there is no {', '.join(missing)}", flush=True)
        return True
    with tempfile.TemporaryDirectory() as out:
        program = str(Path(sys.executable).with_name("pilotlight"))
        config = (folder / "conform.toml").relative_to(REPOSITORY)
        command = [program, "conform", folder.parent.name, "--config", str(config), "--out", out]
        ended = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=False)
        if ended.returncode not in _JUDGED:
            print(f"{name}: not judged, exit status {ended.returncode}", flush=True)
            return False
        results = scrubbed((Path(out) / "results.json").read_text())
    (folder / "results.json").write_bytes(results_json(results))
    readme = folder / "README.md"
    readme.write_text(with_results(readme.read_text(), results))
    print(f"{name}: {results.verdict}, {results.seconds:.0f} s", flush=True)
    return True


def missing_programs(command: tuple[str, ...]) -> list[str]:
    """What a command needs from `make peers` and is not there."""
    return [word for word in command if word.startswith(".peers/") and not (REPOSITORY / word).exists()]


def scrubbed(text: str) -> Results:
    """Results without the names of this machine's folders, from their JSON."""
    text = re.sub(re.escape(tempfile.gettempdir()) + r"/conform[-\w]*", "/tmp/conform", text)
    for path, shown in ((Path(sys.prefix), ".venv"), (REPOSITORY, "."), (Path.home(), "~")):
        text = text.replace(f"{path}/", f"{shown}/")
    return msgspec.json.decode(text, type=Results)


def with_results(page: str, results: Results) -> str:
    """A README with the part between its marks made anew. Raises ValueError where there are none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no part between {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{summary(results)}\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
