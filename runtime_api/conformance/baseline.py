"""The baseline: what is known to fail, and why. What is listed and passes is stale, so the list can only get shorter by itself."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path

import msgspec

from runtime_api.conformance.verdicts import Verdict


class BaselineUnusable(ValueError):
    """A baseline that cannot be read, or lists what does not exist."""


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A failure that is expected. `message`: a regular expression for all that was seen; another failure of the case is not explained."""

    id: str
    reason: str
    message: str = ""

    def explains(self, verdict: Verdict) -> bool:
        """Whether this is the failure that is known; a case that is only blocked needs no message."""
        if not self.message or not verdict.findings:
            return True
        return all(re.search(self.message, finding.actual) for finding in verdict.findings)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    known: list[Known] = []


def read_baseline(path: Path, ids: Container[str]) -> dict[str, Known]:
    """The known failures of a TOML file, `[[known]]` with id, reason and perhaps message. Raises BaselineUnusable."""
    try:
        listed = msgspec.toml.decode(path.read_bytes(), type=_File).known
    except (OSError, ValueError) as error:
        raise BaselineUnusable(f"{path}: {error}") from None
    for known in listed:
        if known.id not in ids:
            raise BaselineUnusable(f"{path}: there is no case {known.id}")
        if not known.reason.strip():
            raise BaselineUnusable(f"{path}: {known.id} has no reason")
        try:
            re.compile(known.message)
        except re.error as error:
            raise BaselineUnusable(f"{path}: the message of {known.id} is no regular expression: {error}") from None
    return {known.id: known for known in listed}
