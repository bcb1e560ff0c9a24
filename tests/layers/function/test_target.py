"""Where a function will run."""

import pytest

from layers.errors import BuildRefused
from layers.function.target import Target


def test_newer_runtimes_have_a_newer_system() -> None:
    """Amazon Linux 2023 from Python 3.12 on, Amazon Linux 2 before."""
    assert Target("3.13", "arm64").uv_platform == "aarch64-manylinux_2_34"
    assert Target("3.11", "x86_64").uv_platform == "x86_64-manylinux_2_17"
    assert Target("3.12", "x86_64").wheel_platforms[0] == "manylinux_2_34_x86_64"
    assert Target("3.10", "arm64").wheel_platforms[0] == "manylinux_2_26_aarch64"
    assert Target("3.13", "x86_64").system == "Python 3.13 on x86_64 Linux with glibc 2.34"


@pytest.mark.parametrize("version", ["3", "3.13.1", "313", "python3.13", "2.7"])
def test_a_version_is_a_minor_version(version: str) -> None:
    """Anything else is refused."""
    with pytest.raises(BuildRefused, match=r"is not a version of Python: write it as 3\.13"):
        Target(version, "x86_64")
