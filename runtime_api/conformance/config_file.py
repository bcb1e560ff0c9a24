"""`conform.toml`: who is judged, and what it claims."""

from __future__ import annotations

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


def read_config(path: Path) -> Config:
    """The configuration in a TOML file. Raises ConfigUnusable."""
    try:
        config = msgspec.toml.decode(path.read_bytes(), type=Config)
    except (OSError, ValueError) as error:
        raise ConfigUnusable(f"{path}: {error}") from None
    check_features((*config.features, *config.options))
    for name, value in config.environment.items():
        if not name or "=" in name or "\0" in name + value:
            raise ConfigUnusable(f"{path}: environment.{name}: no process can be given such a variable")
    return config


def check_features(features: tuple[str, ...]) -> None:
    """Raises ConfigUnusable for a feature that does not exist."""
    for name in features:
        if name not in FEATURES:
            raise ConfigUnusable(f"there is no feature {name}: there are {', '.join(FEATURES)}")
