"""New function projects: which files they have.

Strategy: every project has the files of `projects/common` and of its kind, the kind's own ones winning. What differs by name is written
`{{ word }}` in them; the words are below, and there is no other language of templates.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "projects"
KindName = Literal["plain", "async", "stream", "fastapi"]
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-_]{0,63}")
_WORD = re.compile(r"\{\{ (\w+) \}\}")

_IMAGE = "http://127.0.0.1:8080"
_NEEDS_LAYER = "It needs Pilotlight's runtime on Lambda, which the wrapper layer brings:"
_WORDS: dict[KindName, dict[str, str]] = {
    "plain": {
        "event": '{"name": "Ada"}',
        "layer_note": "On AWS's own runtime, or on Pilotlight's by its wrapper layer:",
    },
    "async": {"event": '{"names": ["Ada", "Bob"]}'},
    "stream": {
        "event": '{"to": 3}',
        "stream": " --stream",
        "image_call": f"curl -N {_IMAGE}/lambda-url/function/",
        "url": "{AuthType: NONE, InvokeMode: RESPONSE_STREAM}",
    },
    "fastapi": {
        "call": "curl http://127.0.0.1:9000/lambda-url/{{ name }}/hello/Ada",
        "image_call": f"curl {_IMAGE}/lambda-url/function/hello/Ada",
        "install": "pip install -r src/requirements.txt\n",
        "url": "{AuthType: NONE}",
    },
}


class ProjectRefused(Exception):
    """No project is written; the message says why."""


def project_files(name: str, kind: KindName) -> dict[str, str]:
    """The text of each file of a project by its path; raises ProjectRefused for what no function can be called."""
    if not _NAME.fullmatch(name):
        raise ProjectRefused(
            f"{name!r} is no name for a function: use 1 to 64 letters, digits, '-' and '_', of which a letter or digit comes first"
        )
    words = _words(name, kind)
    sources = {
        str(path.relative_to(folder)): path for folder in (FOLDER / "common", FOLDER / kind) for path in _in(folder)
    }
    files = {path: _filled(source.read_text(), words) for path, source in sorted(sources.items())}
    if "url" in words:
        files["template.yaml"] += f"      FunctionUrlConfig: {words['url']}\n"
    return files


def write_project(folder: Path, kind: KindName) -> list[str]:
    """Write a project into a folder, which names the function; the paths of its files. Raises ProjectRefused."""
    files = project_files(folder.resolve().name, kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ProjectRefused(f"{folder} is not empty: name a new folder")
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
    except OSError as error:
        raise ProjectRefused(f"{error.filename}: {error.strerror}") from None
    return list(files)


def _words(name: str, kind: KindName) -> dict[str, str]:
    own = _WORDS[kind]
    event, stream = own.get("event", "{}"), own.get("stream", "")
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    common = {
        "name": name,
        # Docker takes lower case only, and neither '_' nor '-' at an end or in each other's company.
        "tag": re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"),
        "minor": minor,
        "runtime": f"python{minor}",
        "call": f"pilotlight invoke {name}{stream} -e '{event}'",
        "image_call": f"curl {_IMAGE}/2015-03-31/functions/function/invocations -d '{event}'",
        "install": "",
        "layer_note": _NEEDS_LAYER,
        "without_layer": "without it AWS's own runtime runs it"
        if kind == "plain"
        else "the function needs it on Lambda",
    }
    return {word: _filled(text, {"name": name}) for word, text in {**common, **own}.items()}


def _filled(text: str, words: dict[str, str]) -> str:
    return _WORD.sub(lambda found: words[found[1]], text)


def _in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
