"""What Lambda accepts: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html."""

from __future__ import annotations

from collections.abc import Mapping

from layers.entries import Entry
from layers.errors import TooLarge

UNZIPPED_LIMIT_BYTES = 250 << 20
# What may be sent with the call itself; larger ones go by way of S3.
UPLOAD_LIMIT_BYTES = 50 << 20
_SHOWN = 3


def check_unzipped(entries: list[Entry]) -> int:
    """The size in bytes when unpacked; raises TooLarge above what a function and its layers may have together."""
    return check_sizes({entry.path: len(entry.content) for entry in entries})


def check_sizes(sizes_bytes: Mapping[str, int]) -> int:
    """The same, by the size of each file."""
    size_bytes = sum(sizes_bytes.values())
    if size_bytes > UNZIPPED_LIMIT_BYTES:
        raise TooLarge(
            f"unpacked it is {mib(size_bytes)}, and Lambda takes {mib(UNZIPPED_LIMIT_BYTES)} for a function and all its layers. "
            f"The largest: {', '.join(_largest(sizes_bytes))}. Leave something out, or ship an image (up to 10 GB)."
        )
    return size_bytes


def fits_upload(size_bytes: int) -> bool:
    """Whether a zip may be sent with the call that publishes it."""
    return size_bytes <= UPLOAD_LIMIT_BYTES


def mib(size_bytes: int) -> str:
    """A size for people, in the MB of Lambda's limits, which have 2^20 bytes."""
    return f"{size_bytes / (1 << 20):.1f} MB" if size_bytes >= 1 << 20 else f"{size_bytes / (1 << 10):.1f} kB"


def _largest(sizes_bytes: Mapping[str, int]) -> list[str]:
    found = sorted(sizes_bytes.items(), key=lambda item: item[1], reverse=True)[:_SHOWN]
    return [f"{path} ({mib(size_bytes)})" for path, size_bytes in found]
