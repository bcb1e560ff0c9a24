"""`conform.toml`: who is judged, and what it claims."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from runtime_api.conformance.cases import FEATURES


class ConfigUnusable(ValueError):
    """A configuration that cannot be read, or says what cannot be."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's members; what the command line says comes before them.

    `handlers`: python, node or shell for those of this package, else a folder, from where the file is. `features`: what is claimed beyond
    the core. `environment`: variables the runtime needs beside the documented ones. `options`: by feature, what is added to a server's
    command for the scenarios on it. `function`: the name a server serves the function under; `timeout_s`: the function's timeout, where
    the command cannot be told one.
    """

    name: str = ""
    version: str = ""
    organisation: str = ""
    url: str = ""
    contact: str = ""
    command: tuple[str, ...] = ()
    handlers: str = "python"
    features: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    options: dict[str, tuple[str, ...]] = {}
    function: str = "function"
    timeout_s: float = 3.0


def read_config(path: Path, features: Collection[str] = FEATURES) -> Config:
    """The configuration in a TOML file, which may claim these features. Raises ConfigUnusable."""
    try:
        config = msgspec.toml.decode(path.read_bytes(), type=Config)
        check_features((*config.features, *config.options), features)
    except (OSError, ValueError) as error:
        raise ConfigUnusable(f"{path}: {error}") from None
    if not config.handlers:
        raise ConfigUnusable(f"{path}: handlers is empty: name python, node, shell or a folder")
    for name, value in config.environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise ConfigUnusable(f"{path}: environment.{name}: no process can be given such a variable")
    return config


def check_features(names: Iterable[str], features: Collection[str]) -> None:
    """Raises ConfigUnusable for one that is not among these features."""
    for name in names:
        if name not in features:
            raise ConfigUnusable(f"there is no feature {name} here: there are {', '.join(features)}")
