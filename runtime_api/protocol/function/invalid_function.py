"""What is wrong with a configuration, whoever wrote it."""

from __future__ import annotations


class InvalidFunction(ValueError):
    """A function's configuration cannot be used; the message says what is wrong and what may be there.

    `member` is the member of the struct that is wrong, where it is one: what reads configuration from files finds the line by it.
    """

    def __init__(self, message: str, member: str | None = None) -> None:
        super().__init__(message)
        self.member = member
