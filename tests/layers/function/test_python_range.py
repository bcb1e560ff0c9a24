"""Which versions of Python a project is for."""

import pytest

from layers.function.python_range import allows


@pytest.mark.parametrize(
    ("requires_python", "allowed"),
    [
        ("", {"3.10", "3.11", "3.12", "3.13"}),
        (">=3.12", {"3.12", "3.13"}),
        (">= 3.11.4, <3.13", {"3.11", "3.12"}),
        (">3.11,<=3.12", {"3.11", "3.12"}),
        ("<3.12.1", {"3.10", "3.11", "3.12"}),
        ("<3.12.0", {"3.10", "3.11"}),
        ("<4", {"3.10", "3.11", "3.12", "3.13"}),
        ("~=3.11", {"3.11", "3.12", "3.13"}),
        ("~=3.11.2", {"3.11"}),
        ("==3.12.*", {"3.12"}),
        ("==3.12.7", {"3.12"}),
        ("==3.*", {"3.10", "3.11", "3.12", "3.13"}),
        ("!=3.11.*", {"3.10", "3.12", "3.13"}),
        ("!=3.11.2", {"3.10", "3.11", "3.12", "3.13"}),
        (">=2.7, whatever", {"3.10", "3.11", "3.12", "3.13"}),
    ],
)
def test_a_version_is_allowed_by_any_of_its_releases(requires_python: str, allowed: set[str]) -> None:
    """And by all clauses."""
    assert {python for python in ("3.10", "3.11", "3.12", "3.13") if allows(requires_python, python)} == allowed
