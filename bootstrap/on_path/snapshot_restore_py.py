"""Hooks around a Lambda SnapStart snapshot, with the interface of the package `snapshot-restore-py` on PyPI.

This folder comes last on sys.path: a function that ships the package gets its own.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Hook = TypeVar("Hook", bound=Callable[..., object])
    Registered = tuple[Callable[..., object], tuple[object, ...], dict[str, object]]

__all__ = ["register_after_restore", "register_before_snapshot"]

_before_snapshot: "list[Registered]" = []
_after_restore: "list[Registered]" = []


def register_before_snapshot(func: "Hook", *args: object, **kwargs: object) -> "Hook":
    """Call it with these arguments before the snapshot is taken, the last one registered first. Also a decorator."""
    _before_snapshot.append((func, args, kwargs))
    return func


def register_after_restore(func: "Hook", *args: object, **kwargs: object) -> "Hook":
    """Call it with these arguments in each sandbox made from the snapshot, before its first event. Also a decorator."""
    _after_restore.append((func, args, kwargs))
    return func


def get_before_snapshot() -> "list[Registered]":
    """What was registered, for the runtime."""
    return _before_snapshot


def get_after_restore() -> "list[Registered]":
    """What was registered, for the runtime."""
    return _after_restore
