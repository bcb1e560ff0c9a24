"""Streamed answers: one piece, and two hundred of a mebibyte."""

from __future__ import annotations

from collections.abc import Iterator

MEBIBYTE = b"x" * 1_048_576


def short(event: object, context: object) -> Iterator[bytes]:
    """A hundred bytes."""
    yield MEBIBYTE[:100]


def long(event: int, context: object) -> Iterator[bytes]:
    """As many mebibytes as the event says."""
    for _ in range(event):
        yield MEBIBYTE
