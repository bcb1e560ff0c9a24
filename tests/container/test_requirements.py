"""Which packages the image gets."""

from __future__ import annotations

from importlib.metadata import version

import tomli

from container.requirements import of_the_image, pinned
from tests.container.folders import CONTAINER

# What builds layers, and what writes reports: nothing that runs in the image.
NOT_SERVED = ("jinja2", "pyelftools")


def test_the_list_is_that_of_the_package() -> None:
    """What `pip install pilotlight[nats]` would bring, in the same versions."""
    project = tomli.loads((CONTAINER.parent / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *project["optional-dependencies"]["nats"]]
    assert sorted(of_the_image()) == sorted(one for one in asked if not one.startswith(NOT_SERVED))


def test_versions_are_those_installed_here() -> None:
    """Of what is asked for and of all that needs."""
    lines = pinned(["aiohttp>=3"]).splitlines()
    assert {f"aiohttp=={version('aiohttp')}", f"yarl=={version('yarl')}", f"multidict=={version('multidict')}"} <= set(
        lines
    )
    assert lines == sorted(lines)


def test_what_is_for_other_interpreters_keeps_its_marker() -> None:
    """Installed here or not; extras are left out."""
    assert pinned(["nowhere>=2; python_version < '3.0'"]) == "nowhere>=2; python_version < '3.0'\n"
    assert "brotli" not in pinned(["aiohttp"]).lower()
    assert pinned(["click; python_version > '3'"]) == f"click=={version('click')}; python_version > '3'\n"


def test_whoever_asks_counts() -> None:
    """Every condition is enough for itself, and one who sets none settles it."""
    line = f"click=={version('click')}"
    assert pinned(["click; python_version < '3'", "click"]) == f"{line}\n"
    asked = ["click; python_version < '3'", "click>=1; os_name == 'nt'", "click; python_version < '3'"]
    assert pinned(asked) == f"{line}; (python_version < '3') or (os_name == 'nt')\n"
