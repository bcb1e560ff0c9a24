"""Where a function will run: which Python, which processor, and by that which system."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from layers.errors import BuildRefused

Architecture = Literal["x86_64", "arm64"]
TASK_ROOT = "/var/task"
# Amazon Linux 2023 has glibc 2.34, Amazon Linux 2 has 2.26: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_FIRST_ON_2023 = 12
_GLIBC_MINORS = {True: 34, False: 26}
# What `uv` knows of, at most that.
_UV_PLATFORMS = {True: "manylinux_2_34", False: "manylinux_2_17"}
_OLDEST_GLIBC_MINOR = 5


class Target(msgspec.Struct, frozen=True):
    """A Python version as `3.X`, and a processor by Lambda's name."""

    python: str
    architecture: Architecture

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.\d{1,2}", self.python):
            raise BuildRefused(f"{self.python!r} is not a version of Python: write it as 3.13")

    @property
    def machine(self) -> str:
        """The processor by the name that wheels have for it."""
        return {"arm64": "aarch64"}.get(self.architecture, self.architecture)

    @property
    def system(self) -> str:
        """The system for people."""
        return f"Python {self.python} on {self.architecture} Linux with glibc 2.{self._glibc_minor}"

    @property
    def uv_platform(self) -> str:
        """The system by uv's name for it."""
        return f"{self.machine}-{_UV_PLATFORMS[self._is_2023]}"

    @property
    def wheel_platforms(self) -> list[str]:
        """The systems whose wheels run there, the newest first, as pip must be told one by one."""
        perennial = [f"manylinux_2_{minor}" for minor in range(self._glibc_minor, _OLDEST_GLIBC_MINOR - 1, -1)]
        return [f"{name}_{self.machine}" for name in (*perennial, "manylinux2014", "manylinux2010", "manylinux1")]

    @property
    def _is_2023(self) -> bool:
        return int(self.python.partition(".")[2]) >= _FIRST_ON_2023

    @property
    def _glibc_minor(self) -> int:
        return _GLIBC_MINORS[self._is_2023]
